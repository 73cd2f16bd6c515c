package import Figures
import History
import Terminal
import Text
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
    /// How long people waited for their coupon, stretch by stretch.
    package var waits: [Stretch]
    package var remark: String

    package init(
      name: String, seconds: Double, bites: Int, before: Int, during: Int, after: Int, isSurvived: Bool,
      waits: [Stretch] = [], remark: String = ""
    ) {
      (self.name, self.seconds, self.bites) = (name, seconds, bites)
      (self.before, self.during, self.after) = (before, during, after)
      (self.isSurvived, self.waits, self.remark) = (isSurvived, waits, remark)
    }
  }

  /// Time around one fault in which no other one of the same architecture was there.
  package struct Stretch: Codable, Hashable, Sendable {
    /// `before`, `meanwhile`, `until mended`, `after`.
    package var name: String
    package var seconds: Double
    package var waits: CouponWaits

    package init(name: String, seconds: Double, waits: CouponWaits) {
      (self.name, self.seconds, self.waits) = (name, seconds, waits)
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

  /// - Parameter blows: all of the round and architecture.
  init(_ blow: Blow, bites: Int, _ histories: [History], among blows: [Blow]) {
    let times = histories.flatMap { history in
      history.requests.filter { $0.call == .coupon && $0.outcome.isOK }.map { history.moment($0.answered) }
    }
    self.init(
      name: blow.name, seconds: Self.rounded(blow.seconds), bites: bites,
      before: times.count { $0 < blow.from }, during: times.count { blow.from <= $0 && $0 <= blow.to },
      after: times.count { $0 > blow.to }, isSurvived: blow.isSurvived,
      waits: Self.stretches(of: blow, histories, among: blows), remark: blow.remark)
  }

  private static func stretches(
    of blow: Blow, _ histories: [History], among blows: [Blow]
  ) -> [NemesisReport.Stretch] {
    let dues = histories.flatMap { history in
      history.requests.filter { $0.call == .coupon && $0.attempt > 0 }.map { history.moment($0.due) }
    }
    guard let first = dues.min(), let last = dues.max() else { return [] }
    let begin = blows.map(\.end).filter { $0 <= blow.from }.max() ?? first
    let end = blows.map(\.from).filter { $0 >= blow.end }.min() ?? last
    let stretches = [
      ("before", begin, blow.from), ("meanwhile", blow.from, blow.to), ("until mended", blow.to, blow.end),
      ("after", blow.end, end),
    ]
    return stretches.filter { $0.1 < $0.2 }.map { name, from, to in
      NemesisReport.Stretch(
        name: name, seconds: rounded(Double(to.microseconds - from.microseconds) / 1_000_000),
        waits: CouponWaits(histories, from: from, to: to))
    }
  }

  private static func rounded(_ seconds: Double) -> Double { (seconds * 1_000).rounded() / 1_000 }

  /// `worker killed: bit 40 in 0.7 s, coupons 60 before, 41 during, 300 after`.
  package var words: String {
    let time = Numbers.decimal(seconds, digits: 1)
    return "\(name): bit \(Numbers.count(bites)) in \(time) s, coupons \(Numbers.count(before)) before, "
      + "\(Numbers.count(during)) during, \(Numbers.count(after)) after"
      + (remark.isEmpty ? "" : "; \(remark)") + (isProven ? "" : "  ← PROVES NOTHING")
  }
}

extension NemesisReport.Stretch {
  /// `before 4.1 s: 240 people waited 3.10 ms (half), 8.20 ms (p99), 9.00 ms (longest); no coupon for 0.1 s; 0 unanswered`.
  package var words: String {
    let time = Numbers.decimal(seconds, digits: 1)
    guard waits.people > 0 else { return "\(name) \(time) s: nobody came who was given a coupon" }
    let figures = [(waits.p50Ms, "half"), (waits.p99Ms, "p99"), (waits.longestMs, "longest")]
    let words = figures.map { "\(Numbers.duration(milliseconds: $0)) (\($1))" }.joined(separator: ", ")
    return "\(name) \(time) s: \(Numbers.count(waits.people)) people waited \(words); no coupon for "
      + "\(Numbers.decimal(waits.pauseSeconds, digits: 1)) s; \(Numbers.count(waits.unanswered)) unanswered"
  }
}

extension NemesisReport.Finding {
  package var isBroken: Bool { verdict == "VIOLATED" || verdict == "VACUOUS" }

  init(_ finding: Verify.Finding) {
    self.init(invariant: finding.invariant.name, verdict: finding.word, detail: finding.detail)
  }
}
