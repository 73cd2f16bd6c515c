import CouponLog
import CouponDomain
import EventLoop
import Redis

/// One person's request for a slot of one day.
struct SlotRequest {
  /// The day's set.
  let key: String
  let userID: UserID
  let quota: Int
  let deadline: Instant
}

/// What Redis has decided.
enum SlotDecision: Hashable {
  /// The person has a slot, since now.
  case admitted
  /// No slot is free.
  case full
  /// The person had one before.
  case member
  /// Nothing was done.
  case notAsked
  /// Nothing was done, because the server refused the command: its words.
  case refused(String)
  /// Sent and not answered: a slot may be taken.
  case unknown
}

/// One way to ask Redis for a slot.
@LoopActor
protocol RedisAdmission {
  func decide(_ request: SlotRequest) async -> SlotDecision
  func start()
  func stop()
}

extension RedisAdmission {
  func start() {}
  func stop() {}
}

extension RedisWay {
  /// - Parameter connect: makes a further connection, for a strategy that needs its own.
  @LoopActor
  func admission(
    _ redis: any RedisCalls, connect: (String) -> any RedisCalls, clock: LoopClock
  ) -> any RedisAdmission {
    switch self {
    case .transaction: TransactionAdmission(redis: redis, clock: clock)
    case .scardThenSadd: ScardThenSaddAdmission(redis: redis)
    case .watch: WatchAdmission(LeasedConnections(WatchAdmission.connections, clock, connect))
    case .lua: LuaAdmission(redis: redis)
    }
  }
}

extension SlotDecision {
  /// What a failed call means: only silence is not a "no".
  init(_ error: any Error) {
    switch error {
    case RedisError.unavailable: self = .notAsked
    case RedisError.aborted(let message), RedisError.server(let message): self = .refused(message)
    default: self = .unknown
    }
  }
}
