import CouponDomain
package import History
import Text

extension PlainHistory {
  /// As a history without times. Which day a coupon is of, the tables say.
  package func history(of subject: Evidence.Subject, beside database: DatabaseEvidence) -> History {
    let days = Dictionary(
      database.coupons.map { ($0.coupon.claim.couponID, $0.day) }, uniquingKeysWith: { first, _ in first })
    var numbers: [UserID: UInt32] = [:]
    var names: [String] = []
    var records: [(RequestRecord, SeenCoupon?)] = []
    for line in lines {
      let number = numbers[line.person] ?? UInt32(names.count)
      if numbers[line.person] == nil {
        numbers[line.person] = number
        names.append(line.person.description)
      }
      let seen = line.coupon.map { SeenCoupon(couponID: $0, rank: nil, day: days[$0], issuedAt: nil) }
      records.append(
        (
          RequestRecord(
            call: .coupon, outcome: line.outcome, attempt: 1, person: number, due: 0, sent: 0, answered: 0),
          seen
        ))
    }
    var run = RunFacts(
      architecture: subject.architecture, strategy: subject.strategy, policyID: subject.policyID, seed: 0,
      people: names.count, namePrefix: "", startedAt: Timestamp(microseconds: 0), openedAfter: 0,
      deadlineMilliseconds: 0)
    run.names = names
    var history = History(run: run)
    for (record, seen) in records { history.append(record, coupon: seen) }
    return history
  }
}
