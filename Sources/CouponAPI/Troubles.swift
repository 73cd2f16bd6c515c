package import EventLoop
package import Operations

/// Why requests are answered 503: each reason is counted, and one line says when it begins and one when it is over.
///
/// A line for each answer would bury the others in an outage; without any an operator sees 503s and an empty log. What the
/// server behind it said (an SQLSTATE, Redis' error word, Kafka's code) is in the lines of its connection.
@LoopActor
package final class Troubles {
  private final class Reason {
    let counter: Counter
    var lastSeen = Instant(nanoseconds: 0)
    var answers: UInt64 = 0
    var isActive = false
    init(_ counter: Counter) { self.counter = counter }
  }

  private struct Kind: Hashable {
    let concern: String
    let trouble: ServiceTrouble
  }

  /// Reasons are constants. Beyond so many something is wrong, and one counter takes the rest.
  private static let mostReasons = 64

  private let metrics: Metrics
  private let log: Log
  private let silence: Duration
  private var reasons: [Kind: Reason] = [:]
  private var isWatching = false

  /// - Parameter silence: a trouble of which no request was told for so long is over.
  package init(_ metrics: Metrics, _ log: Log, silence: Duration = .seconds(10)) {
    (self.metrics, self.log, self.silence) = (metrics, log, silence)
  }

  /// A request is answered with this trouble.
  /// - Parameter concern: `coupons`, `platform` or `operator`.
  package func note(_ trouble: ServiceTrouble, of concern: StaticString) {
    let now = Instant.now
    let kind = Kind(concern: "\(concern)", trouble: trouble)
    let reason = reasons[kind] ?? add(kind)
    reason.counter.increment()
    reason.lastSeen = now
    reason.answers += 1
    guard !reason.isActive else { return }
    reason.isActive = true
    log.warning(
      "requests are answered 503",
      ["concern": kind.concern, "code": trouble.code, "reason": trouble.reason])
    watch()
  }

  /// How many reasons are being told now.
  package var active: Int { reasons.values.count { $0.isActive } }

  private func add(_ kind: Kind) -> Reason {
    let isKnown = reasons.count < Troubles.mostReasons
    let reason = Reason(
      metrics.counter(
        "http_unavailable_total", help: "Answers 503 by what they concern and why.",
        labels: [
          MetricLabel("concern", kind.concern), MetricLabel("code", kind.trouble.code),
          MetricLabel("reason", isKnown ? kind.trouble.reason : "other"),
        ]))
    if isKnown { reasons[kind] = reason }
    return reason
  }

  private func watch() {
    guard !isWatching else { return }
    isWatching = true
    EventLoop.shared.schedule(after: silence) { [weak self] in self?.look() }
  }

  private func look() {
    isWatching = false
    let now = Instant.now
    for (kind, reason) in reasons where reason.isActive {
      guard now - reason.lastSeen >= silence else {
        watch()
        continue
      }
      reason.isActive = false
      log.info(
        "no more requests are answered 503",
        ["concern": kind.concern, "reason": kind.trouble.reason, "answers": Int(reason.answers)])
      reason.answers = 0
    }
  }
}

extension ServiceTrouble {
  fileprivate var code: String {
    switch self {
    case .unavailable: ProblemCode.unavailable.rawValue
    case .outcomeUnknown: ProblemCode.outcomeUnknown.rawValue
    }
  }

  fileprivate var reason: String {
    switch self {
    case .unavailable(let reason), .outcomeUnknown(let reason): reason
    }
  }
}
