import CouponDomain
import History
import Text

/// The checker's whole answer about one run.
package struct Verification: Sendable {
  package let findings: [Finding]
  package let tally: Tally
  package let gate: GateComparison?
  /// Redis' sets belong to the run and were not read.
  package let gateIsMissing: Bool
  /// Whether all coupons are of one day; otherwise nothing says how full each day had to be.
  package let isOfOneDay: Bool

  /// Checks I1–I17, as far as they apply. Pure: the same evidence gives the same answer.
  package init(checking evidence: Evidence) {
    let checker = Checker(evidence)
    findings = Invariant.allCases.map { Finding($0, checker.verdict(on: $0)) }
    tally = checker.tally
    isOfOneDay = checker.onlyDay != nil
    gateIsMissing = evidence.architecture == .eda && evidence.gate == nil
    gate = evidence.gate.map { GateComparison($0, rows: evidence.database.coupons) }
  }

  package var passed: Bool { findings.allSatisfy(\.passes) }

  /// Those that were not looked at, and those that were only in part.
  package var unchecked: [Invariant] {
    findings.filter { if case .notChecked = $0.verdict { true } else { false } }.map(\.invariant)
  }
  package var checkedInPart: [Invariant] {
    findings.filter { if case .inPart = $0.verdict { true } else { false } }.map(\.invariant)
  }
}

/// The counts that the table of a run shows.
package struct Tally: Hashable, Sendable {
  /// Coupons in the database.
  package var rows = 0
  /// Coupons beyond the quota of their day, in a row or in an answer.
  package var oversold = 0
  /// Coupons beyond the first of one person and period, in a row or in an answer.
  package var duplicates = 0
  /// Coupons of answers that are in no row.
  package var lost = 0
  /// Coupons of the day that were not issued although people asked for them; 0 where a run saw more than one day.
  package var missing = 0

  package init(rows: Int = 0, oversold: Int = 0, duplicates: Int = 0, lost: Int = 0, missing: Int = 0) {
    (self.rows, self.oversold, self.duplicates) = (rows, oversold, duplicates)
    (self.lost, self.missing) = (lost, missing)
  }
}

/// Redis' sets beside the rows: what was admitted and did not win, and who won and is not in the set.
package struct GateComparison: Hashable, Sendable {
  package let members: Int
  package let winnersMissing: Int
  package let membersWithoutCoupon: Int

  init(_ gate: GateEvidence, rows: [DatabaseEvidence.CouponRow]) {
    let members = gate.members.mapValues(\.count).values.reduce(0, +)
    let winners = Set(rows.map { [$0.day.description, $0.coupon.claim.userID.description] })
    let admitted = Set(gate.members.flatMap { day, names in names.map { [day.description, $0] } })
    self.members = members
    winnersMissing = winners.subtracting(admitted).count
    membersWithoutCoupon = admitted.subtracting(winners).count
  }
}
