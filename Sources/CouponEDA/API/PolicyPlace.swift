import CouponDomain
import CouponStore
import EventLoop
import Redis
import Text

/// What every request of one policy needs and what seldom changes: found once a request, by one look.
@LoopActor
final class PolicyPlace {
  let policy: Policy
  let route: LogRoute
  /// The day that the latest request lay in.
  private(set) var window: DayWindow
  /// What the gate asks of that day's set, but for the person.
  private(set) var question: RedisTemplate
  private let gate: Gate

  init(_ policy: Policy, route: LogRoute, window: DayWindow, gate: Gate) {
    (self.policy, self.route, self.window, self.gate) = (policy, route, window, gate)
    question = gate.question(of: policy.id, on: window.day)
  }

  /// Moves to the day of `time`.
  func move(to time: Timestamp, _ calendar: inout PolicyCalendar) throws(UnknownTimeZone) {
    guard !window.contains(time) else { return }
    window = try calendar.window(of: policy, at: time)
    question = gate.question(of: policy.id, on: window.day)
  }
}
