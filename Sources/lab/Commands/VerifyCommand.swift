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
    let histories = try HistoryChoice.read(files, folder, only)
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

/// Which histories are meant.
enum HistoryChoice {
  static func read(_ files: [String], _ folder: LabFolder, _ only: String?) throws -> [History] {
    if !files.isEmpty { return try files.map(history) }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.histories)) ?? []
    let found = names.filter { $0.hasSuffix(".tsv") && $0.hasPrefix(only.map { "\($0)-" } ?? "") }
    // architecture-policy-second.tsv
    guard let last = found.max(by: { second($0) < second($1) }) else {
      throw LabFailure("there is no history in \(folder.histories); lab load makes one")
    }
    let ofPolicy = last.split(separator: "-").dropLast().joined(separator: "-") + "-"
    return try found.filter { $0.hasPrefix(ofPolicy) }.sorted { second($0) < second($1) }
      .map { try history("\(folder.histories)/\($0)") }
  }

  private static func second(_ name: String) -> Int {
    name.split(separator: "-").last.flatMap { Int($0.dropLast(4)) } ?? 0
  }

  private static func history(_ path: String) throws -> History {
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
