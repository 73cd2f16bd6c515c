import CouponCalendar
import CouponDomain
import History
import Text

/// A policy's days and hours over spans of time: a request is decided at some moment between its departure and its answer,
/// and nobody outside the program knows at which.
struct OpeningHours {
  private let policy: Policy
  private var calendar = PolicyCalendar()

  init(_ policy: Policy) { self.policy = policy }

  /// The days that a span touches, in order; none where the policy's zone is unknown here.
  mutating func days(in span: ClosedRange<Timestamp>) -> [Day] { windows(in: span)?.map(\.day) ?? [] }

  /// Whether the policy is open at each moment of a span.
  mutating func isOpen(throughout span: ClosedRange<Timestamp>) -> Bool {
    guard let windows = windows(in: span) else { return false }
    return windows.allSatisfy { window in
      isOpenDay(window) && max(span.lowerBound, window.startsAt) >= window.opensAt
    }
  }

  /// Whether the policy is open at some moment of a span.
  mutating func isOpen(within span: ClosedRange<Timestamp>) -> Bool {
    guard let windows = windows(in: span) else { return false }
    return windows.contains { isOpenDay($0) && span.upperBound >= $0.opensAt }
  }

  /// Whether a coupon of `day` may be issued at a moment.
  mutating func admits(_ day: Day, at time: Timestamp) -> Bool {
    guard let window = windows(in: time...time)?.first else { return false }
    return window.day == day && policy.hours(at: time, in: window) == .open
  }

  private func isOpenDay(_ window: DayWindow) -> Bool { policy.isEventDay(window.day) && window.opens }

  /// More days than any request can touch.
  private static let most = 8

  private mutating func windows(in span: ClosedRange<Timestamp>) -> [DayWindow]? {
    var windows: [DayWindow] = []
    var time = span.lowerBound
    while time <= span.upperBound, windows.count < OpeningHours.most {
      guard let window = try? calendar.window(of: policy, at: time) else { return nil }
      windows.append(window)
      time = window.endsAt
    }
    return windows
  }
}

extension History {
  /// When a request can have been decided: from its departure to its answer, and as much longer on both sides as the
  /// wall clock moved during the run.
  func span(of request: RequestRecord) -> ClosedRange<Timestamp> {
    let slack = abs(run.clockDrift ?? 0)
    let sent = moment(request.sent).microseconds - slack
    return Timestamp(
      microseconds: sent)...Timestamp(
        microseconds: max(sent, moment(request.answered).microseconds + slack))
  }
}
