import Scenarios
import CouponDomain
import EventLoop
import Experiments
import Foundation
import History
import Laboratory
import Postgres
import Terminal
import Verify

extension LabCommand {
  static let verify = LabCommand(
    "verify",
    "check I1–I17 from the clients' history, the log and the database (exit code 1 if one is broken)",
    usage: """
      [--only monolith|eda] [[--history] FILE…]
             verify --no-history [--only monolith|eda] [--policy ID]
      """,
    options: [
      (
        "[--history] FILE…",
        "histories of one policy (.lab/history); otherwise all of the policy that was loaded last"
      ),
      ("", "also a CSV with the columns \(PlainHistory.firstLine), as the nGrinder scripts write it"),
      ("--no-history", "check only what rows, log and Redis show, and name what stays unchecked"),
      (
        "--only monolith|eda",
        "this architecture; otherwise that of the last history, or the one that is running"
      ),
      (
        "--policy ID",
        "without a history of lab load: which policy; otherwise the one with the highest number"
      ),
    ]
  ) { arguments, folder in
    let request = try VerifyRequest(&arguments)
    try arguments.finish()
    guard let state = try LabState.read(folder, isEvidence: true) else {
      throw LabFailure("there is no laboratory in \(folder.path)")
    }
    let source = try await request.source(folder, state)
    let progress = PhaseProgress("verify")
    let verification: Verification
    do {
      let evidence = try await source.evidence(state) { lag in
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

/// What a `lab verify …` line asks for.
struct VerifyRequest {
  private let architecture: Architecture?
  private let policy: PolicyID?
  private let files: [String]
  private let hasNoHistory: Bool

  init(_ arguments: inout CommandArguments) throws(UsageError) {
    architecture = try arguments.architecture()
    policy = try arguments.number("--policy", in: 1...Int(Int32.max)).flatMap { PolicyID($0) }
    hasNoHistory = arguments.flag("--no-history")
    let isNamed = arguments.flag("--history")
    files = arguments.positionals()
    if isNamed, files.isEmpty { throw UsageError("--history needs a file") }
    if hasNoHistory, isNamed || !files.isEmpty {
      throw UsageError("--no-history cannot be combined with a history")
    }
  }

  /// What the evidence is made of.
  enum Source {
    case histories([History])
    /// Without times, or none at all.
    case plain(Evidence.Subject, [PlainHistory])

    @LoopActor
    func evidence(_ state: LabState, onWait: @LoopActor (Int64?) -> Void) async throws -> Evidence {
      switch self {
      case .histories(let histories): try await EvidenceReader.read(state, histories, onWait: onWait)
      case .plain(let subject, let files):
        try await EvidenceReader.read(state, subject, files.isEmpty ? .none : .untimed, onWait: onWait) {
          database in files.map { $0.history(of: subject, beside: database) }
        }
      }
    }
  }

  @LoopActor
  func source(_ folder: LabFolder, _ state: LabState) async throws -> Source {
    if hasNoHistory { return .plain(try await subject(state), []) }
    let plain = files.filter { PlainHistory.isOne($0) }
    if !plain.isEmpty {
      guard plain.count == files.count else {
        throw LabFailure("histories with times and CSV files without them cannot be verified together")
      }
      return .plain(try await subject(state), try plain.map(VerifyRequest.read))
    }
    let histories = try HistoryChoice(folder: folder, laboratory: state.id).read(
      files, architecture?.rawValue)
    if policy != nil {
      throw UsageError(
        "--policy is for --no-history and CSV files: a history of lab load names its policy")
    }
    return .histories(histories)
  }

  private static func read(_ path: String) throws -> PlainHistory {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw LabFailure("\(path) cannot be read")
    }
    do { return try PlainHistory([UInt8](data)) } catch { throw LabFailure("\(path): \(error)") }
  }

  /// The architecture and policy that no history names.
  @LoopActor
  private func subject(_ state: LabState) async throws -> Evidence.Subject {
    let architecture = try runningArchitecture(state, architecture)
    let pool = try state.pool(of: architecture)
    defer { EventLoop.shared.spawn { await pool.close() } }
    let reader = DatabaseReader(pool)
    guard try await reader.hasTables(), let highest = try await reader.highestPolicy() else {
      throw LabFailure("the \(architecture.rawValue) has no policy; lab policy create makes one")
    }
    let why = policy == nil ? ", the one with the highest number (--policy says another)" : ""
    Terminal.line("\(architecture.rawValue), policy \(policy ?? highest)\(why)")
    // Whether the program runs or not, its tables know whether an order was decided.
    let isRanked = try await reader.ranksAreUnique()
    return Evidence.Subject(
      architecture: architecture, policyID: policy ?? highest,
      strategy: isRanked ? architecture.defaultStrategy : "one without ranks")
  }
}

/// Which histories are meant. Those of another laboratory prove nothing: it had other people's coupons.
struct HistoryChoice {
  let folder: LabFolder
  let laboratory: String

  /// - Parameter files: those that were named; none: all of the policy that was loaded last.
  func read(_ files: [String], _ only: String?) throws -> [History] {
    let named = try files.map { file in
      let history = try read(file)
      guard history.run.laboratory == laboratory else {
        throw LabFailure("\(file) belongs to another laboratory than the one in \(folder.path)")
      }
      return history
    }
    return named.isEmpty ? try ofLastPolicy(only) : named
  }

  private func ofLastPolicy(_ only: String?) throws -> [History] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.histories)) ?? []
    let found = names.filter { $0.hasSuffix(".tsv") && $0.hasPrefix(only.map { "\($0)-" } ?? "") }
    let own = try found.filter { name in
      let path = "\(folder.histories)/\(name)"
      if HistoryFile.claimedLaboratory(of: path) == laboratory { return true }
      // One that is damaged may be of this laboratory after all.
      return try read(path).run.laboratory == laboratory
    }
    if own.count < found.count {
      Terminal.error(
        "skipped in \(folder.histories) because another laboratory wrote them: \(found.count - own.count)")
    }
    // architecture-policy-second.tsv
    guard let last = own.max(by: { second($0) < second($1) }) else {
      throw LabFailure("there is no history in \(folder.histories); lab load writes one")
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
      let head = "\(finding.invariant.name.padded(to: 4))\(finding.word.padded(to: 11))"
      return head + finding.invariant.title + "\n" + String(repeating: " ", count: 15) + finding.detail
    }
    if verification.gateIsMissing {
      lines.append("Redis' set, which proves nothing, could not be read")
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
      \(FindingTable.verdict(verification))
      """)
    self.lines = lines
  }

  private static func verdict(_ verification: Verification) -> String {
    guard verification.passed else { return "NOT VERIFIED" }
    func names(_ invariants: [Invariant]) -> String { invariants.map(\.name).joined(separator: ", ") }
    var gaps: [String] = []
    if !verification.unchecked.isEmpty { gaps.append("not checked: \(names(verification.unchecked))") }
    if !verification.checkedInPart.isEmpty { gaps.append("in part: \(names(verification.checkedInPart))") }
    return gaps.isEmpty ? "verified" : "verified as far as it was checked (\(gaps.joined(separator: "; ")))"
  }
}
