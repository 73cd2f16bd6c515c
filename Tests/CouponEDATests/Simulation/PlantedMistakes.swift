import CouponWorker
import CouponAdmission
import CouponAPI
import CouponDomain
import CouponStore
import Text

/// The wrong ways, played on the same models: the checker has to see every one of them.
enum PlantedMistakes {
  static func claim(of visit: Visit, _ policy: Policy, _ world: World) -> CouponClaim {
    CouponClaim(
      eventID: visit.eventID, couponID: World.key.couponID(of: visit.userID, on: visit.day, policy),
      policyID: visit.policyID, userID: visit.userID, day: visit.day, issuedAt: world.timestamp)
  }

  /// Handles the gate's answer wrongly; false where this mistake leaves it to the product.
  static func gateAnswered(
    _ mistake: Mistake, _ api: SimAPI, _ reply: GateReply, _ visit: Visit, _ request: SimRequest,
    _ policy: Policy, count: Int
  ) -> Bool {
    let key = SetKey(policyID: policy.id, day: visit.day)
    switch mistake {
    case .soldOutByCount:
      guard reply == .beyondQuota else { return false }
      return end(api, request, visit, .soldOut, removing: key)
    case .countLookedAtFirst:
      guard reply != .unknown, reply != .notAsked, count >= policy.dailyQuota else { return false }
      return end(api, request, visit, .soldOut, removing: key)
    case .createdByGate:
      guard reply == .admitted else { return false }
      api.send(visit, policy, request) { _ in }
      return end(api, request, visit, .created(Coupon(claim: claim(of: visit, policy, api.world), rank: nil)))
    case .timeoutIsNo:
      guard reply == .unknown else { return false }
      return end(api, request, visit, .soldOut)
    case .publishesAfterDeadline:
      guard reply == .admitted else { return false }
      api.later(max(0, request.deadline - api.world.now) + 1) { api.send(visit, policy, request) { _ in } }
      return end(api, request, visit, .trouble(.unavailable(reason: Reason.gateLate)))
    case .redisDecidesRemovingOnAnyError, .redisDecidesRemovingOnNotPersisted:
      redisDecides(mistake, api, reply, visit, policy, request, key)
      return true
    case .workerByDay, .automaticOffsets, .noReconciliation, .ghostsByHolder: return false
    }
  }

  /// As the origin article does it.
  private static func redisDecides(
    _ mistake: Mistake, _ api: SimAPI, _ reply: GateReply, _ visit: Visit, _ policy: Policy,
    _ request: SimRequest,
    _ key: SetKey
  ) {
    let coupon = Coupon(claim: claim(of: visit, policy, api.world), rank: nil)
    switch reply {
    case .notAsked, .unknown:
      _ = end(api, request, visit, .trouble(.outcomeUnknown(reason: Reason.gateUnanswered)))
    case .beyondQuota: _ = end(api, request, visit, .soldOut, removing: key)
    case .member: _ = end(api, request, visit, .existing(coupon))
    case .admitted:
      let life = api.life
      api.send(visit, policy, request) { problem in
        api.inside(life) {
          guard request.answer == nil else { return }
          guard let problem else { _ = end(api, request, visit, .created(coupon)); return }
          let removes = problem == .notPersisted || mistake == .redisDecidesRemovingOnAnyError
          _ = end(
            api, request, visit, .trouble(.outcomeUnknown(reason: Reason.logUnanswered)),
            removing: removes ? key : nil)
        }
      }
    }
  }

  private static func end(
    _ api: SimAPI, _ request: SimRequest, _ visit: Visit, _ answer: IssueAnswer, removing key: SetKey? = nil
  ) -> Bool {
    // The room hears that nothing came of it, so that its count stays right.
    _ = api.room.gateAnswered(.notAsked, for: visit, refusal: nil, now: api.world.instant)
    if let key { api.remove(visit.userID, key) }
    api.answer(request, answer)
    return true
  }

  /// The same entries, one day after the other.
  static func groupedByDay(_ batch: WorkerBatch) -> WorkerBatch {
    let claims = batch.records.indices.filter { day(batch.records[$0]) != nil }
    let sorted = claims.sorted { a, b in
      (day(batch.records[a]) ?? 0, a) < (day(batch.records[b]) ?? 0, b)
    }
    var records = batch.records
    for (place, index) in zip(claims, sorted) { records[place] = batch.records[index] }
    let messages = records.enumerated().map { (offset: batch.first + Int64($0.offset), record: $0.element) }
    guard let grouped = WorkerBatch(partition: batch.partition, messages) else {
      preconditionFailure("an empty batch")
    }
    return grouped
  }

  private static func day(_ record: ReadEntry) -> Int32? {
    if case .success(.claim(let claim)) = record { claim.day.number } else { nil }
  }
}
