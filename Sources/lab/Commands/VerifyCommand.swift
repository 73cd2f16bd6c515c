import CouponDomain
import EventLoop
import Foundation

extension LabCommand {
  static let verify = LabCommand(
    "verify", "check I1–I14 from the clients' history, the log and the database (exit code 1 where not)",
    usage: "[--only monolith|eda] [FILE…]",
    options: [
      ("FILE", "histories of one policy (.lab/history); else all those of the policy that was loaded last"),
      ("--only monolith|eda", "the last one of this architecture"),
    ]
  ) { arguments, folder in
    let only = try arguments.choice("--only", of: Architecture.allCases.map(\.rawValue))
    var files: [String] = []
    while let file = arguments.positional() { files.append(file) }
    try arguments.finish()
    guard let state = try LabState.read(folder) else {
      throw LabFailure("there is no laboratory in \(folder.path)")
    }
    let histories = try HistoryChoice(folder, state.id).read(files, only)
    let progress = Progress("verify")
    let verification: Verification
    do {
      let evidence = try await EvidenceReader.read(state, histories) { lag in
        progress.update(
          nil, lag.map { "a lag of \(Numbers.count($0))" } ?? "the log or the database does not answer")
      }
      verification = Verification(checking: evidence)
    } catch {
      progress.abandon()
      throw error
    }
    progress.end()
    for line in FindingTable(verification).lines { Terminal.line(line) }
    return verification.passed ? 0 : 1
  }
}

/// Which histories are meant. Those of another laboratory prove nothing: it had other people's coupons.
struct HistoryChoice {
  private let folder: LabFolder
  private let laboratory: String

  init(_ folder: LabFolder, _ laboratory: String) { (self.folder, self.laboratory) = (folder, laboratory) }

  /// - Parameter files: those that were named; none: all of the policy that was loaded last.
  func read(_ files: [String], _ only: String?) throws -> [History] {
    let named = try files.map { file in
      let history = try read(file)
      guard history.run.laboratory == laboratory else {
        throw LabFailure("\(file) is of another laboratory than the one in \(folder.path)")
      }
      return history
    }
    return named.isEmpty ? try ofLastPolicy(only) : named
  }

  private func ofLastPolicy(_ only: String?) throws -> [History] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.histories)) ?? []
    let found = names.filter { $0.hasSuffix(".tsv") && $0.hasPrefix(only.map { "\($0)-" } ?? "") }
    let own = found.filter { HistoryFile.laboratory(of: "\(folder.histories)/\($0)") == laboratory }
    if own.count < found.count {
      Terminal.error(
        "skipped in \(folder.histories), for another laboratory made them: \(found.count - own.count)")
    }
    // architecture-policy-second.tsv
    guard let last = own.max(by: { second($0) < second($1) }) else {
      throw LabFailure("there is no history in \(folder.histories); lab load makes one")
    }
    let ofPolicy = last.split(separator: "-").dropLast().joined(separator: "-") + "-"
    return try own.filter { $0.hasPrefix(ofPolicy) }.sorted { second($0) < second($1) }
      .map { try read("\(folder.histories)/\($0)") }
  }

  private func second(_ name: String) -> Int {
    name.split(separator: "-").last.flatMap { Int($0.dropLast(4)) } ?? 0
  }

  private func read(_ path: String) throws -> History {
    do { return try HistoryFile.read(path) } catch let error as HistoryFile.Unreadable {
      throw LabFailure("\(path): \(error)")
    } catch { throw LabFailure("\(path) cannot be read") }
  }
}

/// A checker's findings for the terminal.
struct FindingTable {
  let lines: [String]

  init(_ verification: Verification) {
    var lines = verification.findings.map { finding in
      let head = "\(finding.invariant.name.padded(to: 4))\(finding.word.padded(to: 10))"
      return head + finding.invariant.title + "\n" + String(repeating: " ", count: 14) + finding.detail
    }
    if let gate = verification.gate {
      lines.append(
        """
        Redis' set, which proves nothing: \(Numbers.count(gate.members)) members, \
        \(Numbers.count(gate.winnersMissing)) winners missing, \
        \(Numbers.count(gate.membersWithoutCoupon)) members without a coupon
        """)
    }
    lines.append(
      """
      \(Numbers.count(verification.tally.rows)) coupons, \(Numbers.count(verification.tally.oversold)) oversold, \
      \(Numbers.count(verification.tally.duplicates)) duplicates, \(Numbers.count(verification.tally.lost)) lost, \
      \(Numbers.count(verification.tally.missing)) missing: \
      \(verification.passed ? "verified" : "NOT VERIFIED")
      """)
    self.lines = lines
  }
}
