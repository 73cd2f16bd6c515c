import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Text

/// Reads the day and the person's coupon in one round trip, decides, and writes in a second one. Three
/// strategies share it; they differ in how `first` makes other requests wait.
struct ReadDecideWrite {
  let deciding: DecidingPool

  init(pool: DecidingPool) { deciding = pool }

  /// `first` is answered before the reads; the last of its answers has `issued`. `willCommit` is called before COMMIT is
  /// sent.
  @LoopActor
  func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant, first: [SQLCall],
    willCommit: @LoopActor () -> Void = {}
  ) async throws -> Decision {
    try await deciding.pool.transaction(deadline: deadline) { transaction in
      let answers = try await transaction.run(
        first + [IssuanceSQL.find(claim.userID, on: claim.day, of: policy)])
      guard
        let state = try IssuanceSQL.state(
          of: policy, day: answers[first.count - 1], coupon: answers[first.count])
      else { throw SchemaError.corruptRow(table: "policy_day") }
      let decision = try deciding.decide(claim, hours: hours, state)
      guard case .issued(let coupon) = decision else { return decision }
      let counter = IssuanceSQL.set(issued: evolve(state, coupon).issued, on: claim.day, of: policy.id)
      willCommit()
      _ = try await transaction.finish(IssuanceSQL.record(coupon, of: policy) + [counter])
      return decision
    }
  }
}
