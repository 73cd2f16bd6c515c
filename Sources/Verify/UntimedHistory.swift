import CouponDomain
package import History
import Text

extension PlainHistory {
  /// As a history without times. Which day a coupon is of, the tables say.
  package func history(of subject: Evidence.Subject, beside database: DatabaseEvidence) -> History {
    let days = Dictionary(
      database.coupons.map { ($0.coupon.claim.couponID, $0.day) }, uniquingKeysWith: { first, _ in first })
    let run = RunFacts(
      architecture: subject.architecture, strategy: subject.strategy, policyID: subject.policyID, seed: 0,
      people: 0, namePrefix: "", startedAt: Timestamp(microseconds: 0), openedAfter: 0,
      deadlineMilliseconds: 0)
    var history = History(run: run)
    var numbers: [UserID: UInt32] = [:]
    for line in lines {
      let number = numbers[line.person] ?? UInt32(numbers.count)
      if numbers.updateValue(number, forKey: line.person) == nil {
        history.run.names.append(line.person.description)
      }
      history.append(
        RequestRecord(
          call: .coupon, outcome: line.outcome, attempt: 1, person: number, due: 0, sent: 0, answered: 0),
        coupon: line.coupon.map { SeenCoupon(couponID: $0, rank: nil, day: days[$0], issuedAt: nil) })
    }
    history.run.people = numbers.count
    return history
  }
}
