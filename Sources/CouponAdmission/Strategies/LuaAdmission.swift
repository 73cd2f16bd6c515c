import CouponDomain
import EventLoop
import Redis

/// A script: Redis runs nothing else while it looks and adds, so it needs no way back.
@LoopActor
final class LuaAdmission: RedisAdmission {
  private let redis: any RedisCalls
  private var digest: String?

  private static let script = """
    if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then return 2 end
    if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
    redis.call('SADD', KEYS[1], ARGV[1])
    return 1
    """

  init(redis: any RedisCalls) { self.redis = redis }

  func decide(_ request: SlotRequest) async -> SlotDecision {
    do {
      return try await ask(request, by: ["EVALSHA", try await digest(request.deadline)])
    } catch RedisError.server(let message) where message.hasPrefix("NOSCRIPT") {
      // Redis was restarted, or has never known it, as a node that is about to get its first slot. This goes where the
      // question goes, and the server remembers the script from it.
      do { return try await ask(request, by: ["EVAL", LuaAdmission.script]) } catch {
        return SlotDecision(error)
      }
    } catch { return SlotDecision(error) }
  }

  private func ask(_ request: SlotRequest, by words: [String]) async throws -> SlotDecision {
    let reply = try await redis.command(
      words + ["1", request.key, request.userID.description, String(request.quota)],
      deadline: request.deadline)
    switch reply.integer {
    case 0: return .full
    case 1: return .admitted
    case 2: return .member
    default: return .unknown
    }
  }

  private func digest(_ deadline: Instant) async throws -> String {
    if let digest { return digest }
    do {
      let reply = try await redis.command(["SCRIPT", "LOAD", LuaAdmission.script], deadline: deadline)
      guard let loaded = reply.text else { throw RedisError.unavailable("no digest of the script") }
      digest = loaded
      return loaded
    } catch RedisError.outcomeUnknown(let reason) {
      // Only the script was sent; no slot can have been taken.
      throw RedisError.unavailable(reason)
    }
  }
}
