import CouponDomain
import EventLoop
import Redis

/// `SISMEMBER k u`, `SCARD k`, `SADD k u`, one after the other, which is wrong: each answer is true when it is given and
/// old when the next question is asked. Every request that sees the last slot free takes it.
struct ScardThenSaddAdmission: RedisAdmission {
  let redis: any RedisCalls

  func decide(_ request: SlotRequest) async -> SlotDecision {
    do {
      let (key, user) = (request.key, request.userID.description)
      let member = try await redis.command(["SISMEMBER", key, user], deadline: request.deadline)
      if member.integer == 1 { return .member }
      let count = try await redis.command(["SCARD", key], deadline: request.deadline)
      guard let count = count.integer else { return .unknown }
      guard count < request.quota else { return .full }
      let added = try await redis.command(["SADD", key, user], deadline: request.deadline)
      return added.integer == 1 ? .admitted : .member
    } catch { return SlotDecision(error) }
  }
}
