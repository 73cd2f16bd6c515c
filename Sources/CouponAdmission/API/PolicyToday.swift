import Text
import CouponCalendar
import CouponDomain
import CouponStore
import EventLoop
import Redis

/// A policy with what seldom changes of it: its way into the log, and the business day of its latest request. Every
/// request finds it by one look-up.
@LoopActor
final class PolicyToday {
  let policy: Policy
  let route: LogRoute
  /// The day that the latest request lay in.
  private(set) var window: DayWindow
  /// That day's set in Redis.
  private(set) var set: DaySet
  private let keyPrefix: String

  init(_ policy: Policy, route: LogRoute, window: DayWindow, keyPrefix: String) {
    (self.policy, self.route, self.window, self.keyPrefix) = (policy, route, window, keyPrefix)
    set = DaySet(of: policy.id, on: window.day, prefix: keyPrefix)
  }

  var day: Day { window.day }

  /// Moves to the day of `time`.
  func move(to time: Timestamp, _ calendar: inout PolicyCalendar) throws(UnknownTimeZone) {
    guard !window.contains(time) else { return }
    window = try calendar.window(of: policy, at: time)
    set = DaySet(of: policy.id, on: window.day, prefix: keyPrefix)
  }
}

/// Redis' set of the people admitted on one day.
struct DaySet {
  let key: String
  /// The gate's commands on this set; the person is appended.
  let question: RedisTemplate

  init(of policy: PolicyID, on day: Day, prefix: String) {
    key = Names.issuedUsers(of: policy, on: day, prefix: prefix)
    question = RedisTemplate([["SCARD", key], ["SADD", key]])
  }

  /// What the gate and its rollback need, on a set of its own; nothing is left of it.
  static func trial(prefix: String) -> [[String]] {
    let key = Names.gateTrial(prefix: prefix)
    return [["SCARD", key], ["SADD", key, "trial"], ["SREM", key, "trial"]]
  }

  /// Seconds since 1970 when a day's set may go: some days after the event's last one.
  static func expiry(of policy: Policy, _ window: DayWindow) -> Int64 {
    let days = Int64(policy.endsOn.number) - Int64(window.day.number) + 2
    return window.endsAt.microseconds / 1_000_000 + days * 86_400
  }
}

extension RedisCalls {
  /// SREM, once: nothing waits for what becomes of it. Not in a transaction: there a Redis without memory refuses even
  /// this.
  func remove(_ user: UserID, from key: String, _ clock: LoopClock) {
    command(
      deadline: clock.now + .seconds(2), write: { $0.command("SREM", key, user.description) },
      completion: { _ in }
    )
  }

  /// EXPIREAT; `refused` is called with the server's words where it alone was refused: the key then has no end.
  func setExpiry(
    of key: String, at seconds: Int64, _ clock: LoopClock, refused: @escaping @LoopActor (String) -> Void,
    done: @escaping @LoopActor () -> Void
  ) {
    command(
      deadline: clock.now + .seconds(2), write: { $0.command("EXPIREAT", key, String(seconds)) },
      completion: { [weak self] result in
        switch result {
        case .success: done()
        case .failure(.server(let message)):
          if self?.isConnected == true { refused(message) }
        case .failure: break
        }
      })
  }
}
