import TestSupport
import CouponDomain
import CouponStore
import Foundation
import Testing
import Text

/// A log that was published once, and what it means for ever: neither file may change, other lines may be
/// added.
@Suite(.limited) struct GoldenLogTests {
  private func lines(_ name: String) throws -> [String] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let text = try String(contentsOf: folder.appending(path: "Golden/\(name)"), encoding: .utf8)
    return text.split(separator: "\n").map(String.init)
  }

  private func describe(_ outcome: LogOutcome) -> String {
    switch outcome {
    case .policyCreated(let created):
      let policy = created.policy
      return "policy \(policy.id) \(policy.startsOn) \(policy.endsOn) \(policy.opensAt) \(policy.timeZone) "
        + "\(policy.dailyQuota) \(policy.perPerson) \(policy.name)"
    case .duplicatePolicy(let created): return "duplicate policy \(created.policy.id)"
    case .issued(let coupon): return "issued \(describe(coupon))"
    case .dropped(let claim, .soldOut): return "dropped \(claim.policyID) \(claim.userID): sold out"
    case .dropped(let claim, .alreadyIssued(let held)):
      return "dropped \(claim.policyID) \(claim.userID): holds \(describe(held))"
    case .dropped(let claim, .notOpen): return "dropped \(claim.policyID) \(claim.userID): not open"
    case .deadLetter(let reason): return "dead letter: \(reason)"
    case .stop(let reason): return "stop: \(reason)"
    }
  }

  private func describe(_ coupon: Coupon) -> String {
    let claim = coupon.claim
    return
      "\(claim.couponID) policy \(claim.policyID) to \(claim.userID) for \(claim.day) rank \(coupon.rank ?? 0) "
      + "at \(claim.issuedAt) by \(claim.eventID)"
  }

  @Test func aPublishedLogMeansWhatItMeant() throws {
    var ledger = LogLedger(key: try Make.key()) { _ in 0 }
    let outcomes = try lines("log.ndjson").map { describe(ledger.apply(Array($0.utf8), partition: 0)) }
    #expect(try outcomes == lines("outcomes.txt"))
  }
}
