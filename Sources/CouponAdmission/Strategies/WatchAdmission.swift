import CouponDomain
import EventLoop
import Redis

/// `WATCH k; SISMEMBER k u; SCARD k`, then `MULTI; SADD k u; EXEC`, which does nothing where the set has changed in
/// between; then from the beginning.
///
/// A watch belongs to a connection, so each request has one to itself while it decides. All watch the same key: of those
/// that decide at once one gets through, the others start again.
struct WatchAdmission: RedisAdmission {
  /// More of them only fail more often.
  static let connections = 4
  private static let attempts = 64

  private let pool: LeasedConnections

  init(_ pool: LeasedConnections) { self.pool = pool }

  func start() { pool.start() }
  func stop() { pool.stop() }

  func decide(_ request: SlotRequest) async -> SlotDecision {
    guard let redis = await pool.lease(until: request.deadline) else { return .notAsked }
    defer { pool.giveBack(redis) }
    for _ in 0..<WatchAdmission.attempts {
      do {
        return try await attempt(request, redis)
      } catch RedisError.aborted {
        continue
      } catch { return SlotDecision(error) }
    }
    return .notAsked
  }

  /// - Throws: `RedisError`; `aborted` where another request was faster.
  private func attempt(_ request: SlotRequest, _ redis: any RedisCalls) async throws -> SlotDecision {
    let (key, user) = (request.key, request.userID.description)
    let connection = redis.connects
    let seen: [RedisReply]
    do {
      // The previous attempt may have left a WATCH; UNWATCH travels with this trip.
      seen = try await redis.commands(
        [["UNWATCH"], ["WATCH", key], ["SISMEMBER", key, user], ["SCARD", key]], deadline: request.deadline)
    } catch RedisError.outcomeUnknown(let reason) {
      // Nothing but questions so far.
      throw RedisError.unavailable(reason)
    }
    guard let member = seen[2].integer, let count = seen[3].integer else { return .unknown }
    guard member == 0, count < request.quota else { return member == 1 ? .member : .full }
    // Another connection watches nothing: its EXEC would always succeed.
    guard redis.connects == connection else { return .notAsked }
    let added = try await redis.transaction([["SADD", key, user]], deadline: request.deadline)
    return added.first?.integer == 1 ? .admitted : .member
  }
}

/// Connections that are lent to one request at a time; the others wait in line.
@LoopActor
final class LeasedConnections {
  private let all: [any RedisCalls]
  private var free: [any RedisCalls]
  private var waiting = Deque<Completion<Lease>>()
  private let clock: LoopClock

  /// One connection, which stays on the loop.
  @LoopActor private final class Lease {
    let redis: any RedisCalls
    init(_ redis: any RedisCalls) { self.redis = redis }
  }

  init(_ count: Int, _ clock: LoopClock, _ connect: (String) -> any RedisCalls) {
    self.clock = clock
    all = (1...count).map { connect("eda-api-watch-\($0)") }
    free = all
  }

  func start() { for client in all { client.start() } }

  func stop() { for client in all { client.close() } }

  /// Nil where the deadline comes first.
  func lease(until deadline: Instant) async -> (any RedisCalls)? {
    if let client = free.popLast() { return client }
    let turn = Completion<Lease>()
    waiting.append(turn)
    return (try? await turn.value(deadline: deadline, on: clock))?.redis
  }

  func giveBack(_ client: any RedisCalls) {
    while let next = waiting.popFirst() {
      // A caller whose deadline has passed does not take the connection.
      if next.succeed(Lease(client)) { return }
    }
    free.append(client)
  }
}
