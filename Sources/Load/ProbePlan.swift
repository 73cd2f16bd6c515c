package import CouponDomain
import EventLoop
import HTTP
import History

/// Two small steady streams beside the crowd: holders who look at their coupon, and people who ask for one of a policy
/// that has been sold out for a while. With them each of the things that a user can do is measured at every moment.
package struct ProbePlan: Hashable, Sendable {
  /// Requests a second, of each kind.
  package var perSecond: Double
  /// A policy that is sold out.
  package var policyID: PolicyID
  /// People who hold a coupon of it.
  package var holders: [String]
  package var seed: UInt64

  package init(perSecond: Double, policyID: PolicyID, holders: [String], seed: UInt64) {
    (self.perSecond, self.policyID, self.holders, self.seed) = (perSecond, policyID, holders, seed)
  }

  /// The requests of a run, in order.
  func requests() -> @LoopActor () -> SideStream.Request {
    let reader = OutcomeReader(policyID: policyID)
    var random = Randomness(seed: seed, stream: 3)
    var (clock, count) = (0.0, 0)
    return {
      clock += random.exponential() / (2 * perSecond)
      count += 1
      let isHolder = count.isMultiple(of: 2)
      let user = isHolder ? holders[count / 2 % holders.count] : "late-\(seed)-\(count)"
      let path = "/v1/policies/\(policyID)/coupons" + (isHolder ? "/me" : "")
      return SideStream.Request(
        call: isHolder ? .mine : .late, person: UInt32(count), due: Int64(clock * 1_000_000),
        wire: HTTPRequest(isHolder ? .get : .post, path, headers: [("X-User-Id", user)]),
        outcome: { reader.read($0, user: user).0 })
    }
  }
}
