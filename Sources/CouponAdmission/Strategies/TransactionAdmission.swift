import CouponDomain
import EventLoop
import Redis

/// `MULTI; SCARD k; SADD k u; EXEC`: one trip, those of all requests in one write.
///
/// The person is added first and judged by the count before: one who came too late is taken out again. SADD is looked at
/// before SCARD, or a holder who asks again when the set is full would be told "sold out" and lose the slot.
struct TransactionAdmission: RedisAdmission {
  let redis: any RedisCalls
  let clock: LoopClock

  func decide(_ request: SlotRequest) async -> SlotDecision {
    do {
      let replies = try await redis.transaction(
        [["SCARD", request.key], ["SADD", request.key, request.userID.description]],
        deadline: request.deadline)
      guard replies.count == 2, let count = replies[0].integer, let added = replies[1].integer else {
        return .unknown
      }
      guard added == 1 else { return .member }
      guard count >= request.quota else { return .admitted }
      // Once, best effort: until it arrives the set looks fuller than it is, which it is anyway.
      redis.remove(request.userID, from: request.key, clock)
      return .full
    } catch { return SlotDecision(error) }
  }
}
