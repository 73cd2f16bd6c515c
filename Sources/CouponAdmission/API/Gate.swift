import CouponDomain
import CouponStore
import EventLoop
import Operations
import Redis
import Text

/// Asks Redis for its opinion: `MULTI; SCARD k; SADD k u; EXEC`, those of all requests in one write a turn.
@LoopActor
final class Gate<Server: RedisCalls> {
  private let redis: Server
  private let clock: LoopClock
  private let keyPrefix: String
  private let counters: [Counter]
  private let removals: Counter

  init(_ redis: Server, keyPrefix: String, clock: LoopClock, metrics: Metrics) {
    (self.redis, self.keyPrefix, self.clock) = (redis, keyPrefix, clock)
    counters = GateReply.names.map { name in
      metrics.counter(
        "coupon_gate_replies_total", help: "What Redis said to requests.",
        labels: [MetricLabel("reply", name)])
    }
    removals = metrics.counter(
      "coupon_gate_removals_total", help: "SREM sent for requests that got no further.")
  }

  /// Asks for the visit; `answer` is called once, with what `reply` makes a reply of.
  func ask(for visit: Visit, _ today: PolicyToday, answer: @escaping RedisClient.Handler) {
    redis.transaction(
      deadline: visit.deadline,
      write: { $0.commands(today.set.question, last: visit.userID.description) }, completion: answer)
  }

  /// What Redis said, counted.
  func reply(_ result: Result<[RedisReply], RedisError>, _ today: PolicyToday) -> GateReply {
    let reply = GateReply(result, quota: today.policy.dailyQuota)
    counters[reply.index].increment()
    return reply
  }

  /// Takes a person out of the day's set: once, without waiting for the result.
  func remove(_ user: UserID, of policy: PolicyID, on day: Day) {
    removals.increment()
    redis.remove(user, from: Names.issuedUsers(of: policy, on: day, prefix: keyPrefix), clock)
  }
}

extension GateReply {
  fileprivate static let names = ["admitted", "beyond-quota", "member", "not-asked", "unknown"]

  fileprivate var index: Int {
    switch self {
    case .admitted: 0
    case .beyondQuota: 1
    case .member: 2
    case .notAsked: 3
    case .unknown: 4
    }
  }

  fileprivate init(_ result: Result<[RedisReply], RedisError>, quota: Int) {
    switch result {
    case .success(let replies):
      guard replies.count == 2, let count = replies[0].integer, let added = replies[1].integer else {
        self = .unknown
        return
      }
      self.init(added: added == 1, countBefore: Int(count), quota: quota)
    case .failure(.unavailable), .failure(.aborted): self = .notAsked
    case .failure(.outcomeUnknown), .failure(.server): self = .unknown
    }
  }
}
