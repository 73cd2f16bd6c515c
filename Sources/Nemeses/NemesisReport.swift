import History
import Terminal
import Verify

/// What a nemesis did and what was found after it. `--json` writes it.
package struct NemesisReport: Codable, Sendable {
  package struct Fault: Codable, Hashable, Sendable {
    package var name: String
    package var seconds: Double
    package var bites: Int
    /// Coupons that people were given before it, while it lasted, and after it.
    package var before: Int
    package var during: Int
    package var after: Int
    /// The architecture must give coupons meanwhile.
    package var isSurvived: Bool

    package init(
      name: String, seconds: Double, bites: Int, before: Int, during: Int, after: Int, isSurvived: Bool
    ) {
      (self.name, self.seconds, self.bites) = (name, seconds, bites)
      (self.before, self.during, self.after) = (before, during, after)
      self.isSurvived = isSurvived
    }
  }

  package struct Finding: Codable, Hashable, Sendable {
    package var invariant: String
    package var verdict: String
    package var detail: String

    package init(invariant: String, verdict: String, detail: String) {
      (self.invariant, self.verdict, self.detail) = (invariant, verdict, detail)
    }
  }

  /// One architecture's part of one round.
  package struct Trial: Codable, Hashable, Sendable {
    package var round: Int
    package var architecture: String
    package var requests: Int
    package var coupons: Int
    package var faults: [Fault]
    /// All invariants that were looked at.
    package var findings: [Finding]
    package var isVerified: Bool
    /// Faults that overlap may hide each other.
    package var mayHide: Bool

    package init(
      round: Int, architecture: String, requests: Int, coupons: Int, faults: [Fault], findings: [Finding],
      isVerified: Bool, mayHide: Bool
    ) {
      (self.round, self.architecture, self.requests, self.coupons) = (round, architecture, requests, coupons)
      (self.faults, self.findings) = (faults, findings)
      (self.isVerified, self.mayHide) = (isVerified, mayHide)
    }
  }

  package enum Verdict: String, Codable, Sendable {
    case verified, violated
    case neverBit = "never-bit"
    case skipped
  }

  package var name: String
  package var title: String
  package var seed: String
  package var trials: [Trial] = []
  /// What this machine could not do, each with its reason.
  package var skipped: [String] = []
  package var seconds = 0.0

  package init(_ nemesis: Nemesis, seed: UInt64) {
    (name, title, self.seed) = (nemesis.name, nemesis.title, String(seed))
  }

  package var verdict: Verdict {
    if trials.isEmpty { return skipped.isEmpty ? .neverBit : .skipped }
    if trials.contains(where: \.isViolated) { return .violated }
    return isSound && hasBitten ? .verified : .neverBit
  }

  /// Whether another round may follow: nothing was found, and each trial has shown what it is to show by itself.
  package var isSound: Bool {
    trials.allSatisfy { !$0.isViolated && $0.isVerified && ($0.mayHide || $0.hasBitten) }
  }

  /// One round of a mix may leave an architecture alone; several together must not.
  private var hasBitten: Bool {
    let bitten = Set(trials.filter(\.hasBitten).map(\.architecture))
    return (trials.last?.round ?? 0) > 1 ? bitten == Set(trials.map(\.architecture)) : !bitten.isEmpty
  }

  package var hasPassed: Bool { verdict == .verified || verdict == .skipped }
}

extension NemesisReport.Trial {
  /// Something is wrong, besides that a fault may have proven nothing (I13).
  package var isViolated: Bool {
    findings.contains { $0.invariant != Invariant.notVacuous.name && $0.isBroken }
  }

  /// Each fault (where they may hide each other: one of them) has bitten, with coupons before and after it, and during it
  /// where the architecture does without what was broken. A trial without a fault has proven nothing.
  package var hasBitten: Bool {
    let proven = faults.filter(\.isProven)
    return mayHide ? !proven.isEmpty : !faults.isEmpty && proven.count == faults.count
  }
}

extension NemesisReport.Fault {
  /// Shorter ones may pass between two coupons.
  private static let shortestSurvived = 0.5

  package var isProven: Bool {
    let mustServe = isSurvived && seconds >= NemesisReport.Fault.shortestSurvived
    return bites > 0 && before > 0 && after > 0 && (!mustServe || during > 0)
  }

  init(_ blow: Blow, bites: Int, _ histories: [History]) {
    let times = histories.flatMap { history in
      history.requests.filter { $0.call == .coupon && $0.outcome.isOK }.map { history.moment($0.answered) }
    }
    self.init(
      name: blow.name, seconds: (blow.seconds * 1_000).rounded() / 1_000, bites: bites,
      before: times.count { $0 < blow.from }, during: times.count { blow.from <= $0 && $0 <= blow.to },
      after: times.count { $0 > blow.to }, isSurvived: blow.isSurvived)
  }

  /// `worker killed: bit 40 in 0.7 s, coupons 60 before, 41 during, 300 after`.
  package var words: String {
    let time = Numbers.decimal(seconds, digits: 1)
    return "\(name): bit \(Numbers.count(bites)) in \(time) s, coupons \(Numbers.count(before)) before, "
      + "\(Numbers.count(during)) during, \(Numbers.count(after)) after"
      + (isProven ? "" : "  ← PROVES NOTHING")
  }
}

extension NemesisReport.Finding {
  package var isBroken: Bool { verdict == "VIOLATED" || verdict == "VACUOUS" }

  init(_ finding: Verify.Finding) {
    self.init(invariant: finding.invariant.name, verdict: finding.word, detail: finding.detail)
  }
}
