import CouponDomain
import CouponStore
import EventLoop
import Operations
import Redis

/// Asks Redis for its opinion: `MULTI; SCARD k; SADD k u; EXEC`, everybody's in one write a turn.
@LoopActor
final class Gate {
  private let redis: RedisClient
  private let keyPrefix: String
  private var keys: [SetName: String] = [:]
  private let counters: [Counter]
  private let removals: Counter

  /// One policy's day.
  struct SetName: Hashable {
    let policyID: PolicyID
    let day: Day
  }

  init(_ redis: RedisClient, keyPrefix: String, metrics: Metrics) {
    (self.redis, self.keyPrefix) = (redis, keyPrefix)
    counters = GateReply.names.map { name in
      metrics.counter(
        "coupon_gate_replies_total", help: "What Redis said to requests.",
        labels: [MetricLabel("reply", name)])
    }
    removals = metrics.counter(
      "coupon_gate_removals_total", help: "SREM sent for requests that got no further.")
  }

  /// `answer` is called once.
  func ask(
    _ name: SetName, for user: UserID, quota: Int, deadline: Instant,
    answer: @escaping @LoopActor (GateReply) -> Void
  ) {
    let key = key(name)
    redis.transaction(
      deadline: deadline,
      write: {
        $0.command("SCARD", key)
        $0.command("SADD", key, user.description)
      },
      completion: { result in
        let reply = GateReply(result, quota: quota)
        self.counters[reply.index].increment()
        answer(reply)
      })
  }

  /// SREM, once; what becomes of it is nobody's business.
  func remove(_ user: UserID, from name: SetName) {
    let key = key(name)
    removals.increment()
    redis.transaction(
      deadline: .now + .seconds(2), write: { $0.command("SREM", key, user.description) }, completion: { _ in }
    )
  }

  func key(_ name: SetName) -> String {
    if let key = keys[name] { return key }
    // Days pass: what is kept is a cache.
    if keys.count > 10_000 { keys.removeAll() }
    let key = Names.issuedUsers(of: name.policyID, on: name.day, prefix: keyPrefix)
    keys[name] = key
    return key
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
