package import EventLoop

/// The connection of a client and the calls on it. Pure: it takes events with their times and returns what to do.
///
///     stopped ──start──▶ connecting ──opened──▶ loggingIn ──last step──▶ ready ──refusal──▶ draining
///                         ▲     │                   │                      │                  │
///                   retry │     └──────lost─────────┴─────────lost─────────┴────────lost──────┤
///                         └────────────────────────── pausing ◀───────────────────────────────┘
///
/// `stop` leads back to `stopped` from everywhere. A call that was not sent fails as `unavailable`; one that
/// was sent and has no whole answer fails as `outcomeUnknown`. A `Caller` receives the result of a call.
///
/// A refusal that concerns every call (a replica, a missing right) ends the connection once what was sent is answered:
/// the host may mean another server by now, and the next login shows whether this one serves.
package struct RedisSession<Caller> {
  package typealias Outcome = Result<[RedisReply], RedisError>

  package enum Phase: Hashable, Sendable {
    case stopped
    case pausing
    case connecting
    case loggingIn
    case ready
    /// Nothing more is sent; what was sent is still answered.
    case draining
  }

  package private(set) var phase = Phase.stopped
  /// The number of the latest attempt to connect; events of an older one are ignored.
  package private(set) var attempt = 0
  /// Why transactions are not carried out; nil while they are.
  package private(set) var trouble: RedisTrouble? = RedisTrouble(.unreachable, "not connected yet")
  /// `trouble` has changed, or the connection has drained: the driver looks after each reply.
  package private(set) var hasNews = false

  private let login: [RedisLoginStep]
  private let maxPending: Int
  private let loginTimeout: Duration
  /// In a cluster a node's redirections concern the call alone.
  private let isNode: Bool
  private var failures = 0
  /// A server refused calls after it had passed the login: a further login alone does not shorten the pauses.
  private var isSuspect = false
  /// What the present connection was refused with: the reason that outlives it.
  private var verdict: RedisTrouble?
  /// Which of the host's addresses is next: a failed attempt moves on to the next one.
  private var turn = 0
  private var inFlight = Deque<RedisCall<Caller>>()
  private var replies = RedisReplies()
  private var output: [UInt8] = []
  /// Calls that wait for a permit.
  private var keptBack = 0
  /// When `expire` is due.
  private var wakeAt: Instant?
  private var counters = RedisStatistics()

  /// - Parameters:
  ///   - login: what makes a connection ready; the last step shows that the server serves.
  ///   - maxPending: calls in flight at most; more are refused as `unavailable`.
  ///   - isNode: the server is expected to be a node of a cluster.
  package init(login: [RedisLoginStep], maxPending: Int, loginTimeout: Duration, isNode: Bool = false) {
    (self.login, self.maxPending, self.loginTimeout) = (login, maxPending, loginTimeout)
    self.isNode = isNode
  }

  package var statistics: RedisStatistics {
    var now = counters
    now.inFlight = inFlight.count
    return now
  }

  /// The bytes that were written since the last call.
  package mutating func takeOutput() -> [UInt8] {
    let bytes = output
    output.removeAll(keepingCapacity: output.capacity < 1 << 20)
    return bytes
  }
}

package struct RedisStatistics: Hashable, Sendable {
  package var inFlight: Int
  package var connects: Int
  package var timeouts: Int
  /// Calls that a node of a cluster has sent on.
  package var redirects: Int

  package init(inFlight: Int = 0, connects: Int = 0, timeouts: Int = 0, redirects: Int = 0) {
    (self.inFlight, self.connects, self.timeouts) = (inFlight, connects, timeouts)
    self.redirects = redirects
  }

  mutating func add(_ other: RedisStatistics) {
    inFlight += other.inFlight
    connects += other.connects
    timeouts += other.timeouts
    redirects += other.redirects
  }
}

// MARK: - Connection

/// The consequences of the end of a connection, or of an attempt at one.
package struct RedisLoss<Caller> {
  /// Callers whose calls were sent: each receives `error`.
  package let callers: [Caller]
  package let error: RedisError
  /// Then `retry`; nil: no further attempt.
  package let pause: Duration?
}

extension RedisSession {
  private static var pauses: [Duration] { [.milliseconds(20), .milliseconds(100), .milliseconds(500)] }

  /// True: connect. False: connecting or connected already.
  package mutating func start() -> Bool {
    guard phase == .stopped else { return false }
    begin()
    return true
  }

  /// The pause after this attempt is over. True: connect.
  package mutating func retry(after attempt: Int) -> Bool {
    guard phase == .pausing, attempt == self.attempt else { return false }
    begin()
    return true
  }

  private mutating func begin() {
    attempt += 1
    phase = .connecting
    verdict = nil
  }

  /// Whether this attempt, or the connection that it led to, still counts.
  package func isCurrent(_ attempt: Int) -> Bool {
    attempt == self.attempt && phase != .stopped && phase != .pausing
  }

  /// The attempt has taken too long: its connection must be closed.
  package func isLate(_ attempt: Int) -> Bool {
    isCurrent(attempt) && (phase == .connecting || phase == .loggingIn)
  }

  /// Which of the host's addresses to try.
  package func address(of count: Int) -> Int { turn % count }

  /// The connection is open: the login is written.
  ///
  /// - Returns: when to call `expire`; nil: unchanged.
  package mutating func opened(now: Instant) -> Instant? {
    phase = .loggingIn
    var wake: Instant?
    for (index, step) in login.enumerated() {
      wake = append(HeldRedisCall(step), sentAt: now, deadline: now + loginTimeout, .login(index)) ?? wake
    }
    return wake
  }

  private mutating func loginReply(_ index: Int, _ outcome: Outcome) -> ReplyStep {
    let objection = login[index].objection(outcome)
    if let objection, !objection.keepsConnection {
      verdict = objection
      return .cut(objection.reason)
    }
    guard index == login.count - 1 else { return .nothing }
    phase = .ready
    if !isSuspect { failures = 0 }
    counters.connects += 1
    set(trouble: objection)
    return .ready
  }

  /// The connection has broken, or could not be opened. Nil: it no longer counts.
  package mutating func lost(_ attempt: Int, _ reason: String) -> RedisLoss<Caller>? {
    guard isCurrent(attempt) else { return nil }
    let pause = Self.pauses[min(failures, Self.pauses.count - 1)]
    failures += 1
    if phase == .connecting || phase == .loggingIn { turn &+= 1 }
    return end(as: .pausing, reason, pause: pause)
  }

  package mutating func stop(_ reason: String) -> RedisLoss<Caller> { end(as: .stopped, reason, pause: nil) }

  private mutating func end(as next: Phase, _ reason: String, pause: Duration?) -> RedisLoss<Caller> {
    let callers = (0..<inFlight.count).compactMap { inFlight[$0].caller }
    phase = next
    set(trouble: verdict ?? RedisTrouble(.unreachable, reason))
    (inFlight, replies, output, wakeAt) = (Deque(), RedisReplies(), [], nil)
    return RedisLoss(callers: callers, error: .outcomeUnknown(reason), pause: pause)
  }
}

// MARK: - Calls

/// A call that is encoded and waits for a permit.
package struct HeldRedisCall: Sendable {
  fileprivate let bytes: [UInt8]
  fileprivate let commands: Int?
  /// ASKING goes before it: this node is still getting the slot.
  var isAsking = false

  package init(_ kind: RedisCallKind, _ write: (inout RedisWriter) -> Void) {
    var bytes: [UInt8] = []
    commands = kind.encode(into: &bytes, write)
    self.bytes = bytes
  }

  /// The slot of a cluster that it belongs to; nil: it has no key.
  package var slot: Int? { CommandKey.find(in: bytes).map { KeySlot.of($0) } }

  fileprivate init(_ step: RedisLoginStep) {
    self.init(step.kind) { for command in step.commands { $0.command(command) } }
  }
}

extension RedisSession {
  /// What to do with a call that has its permit.
  package enum Release {
    /// It is written; the time is when to call `expire`, nil: unchanged.
    case sent(Instant?)
    /// Return the error to its caller. `cuts`: then close the connection.
    case tell(RedisError, cuts: Bool)
  }

  /// What to do about a reply.
  package enum ReplyStep {
    case nothing
    case tell(Caller, Outcome)
    /// The login is complete.
    case ready
    /// Close the connection.
    case cut(String)
  }

  package struct Overdue {
    /// Callers whose outcome is unknown.
    package let callers: [Caller]
    /// When to call `expire` again.
    package let next: Instant?
    /// The server has sent nothing since such a call: close the connection.
    package let cuts: Bool
  }

  package static var noAnswer: String { "no answer before the deadline" }

  /// The same as `refusal`. Mutating, though it changes nothing: any other question to a struct that a class holds is asked
  /// of a copy, which counts a reference for each of its tables.
  package mutating func refusalInPlace(now: Instant, deadline: Instant) -> RedisError? {
    refusal(now: now, deadline: deadline)
  }

  /// Why a call cannot be sent now; nil: it can.
  package func refusal(now: Instant, deadline: Instant) -> RedisError? {
    if phase != .ready { return .unavailable(trouble?.reason ?? "not connected") }
    if inFlight.count + keptBack >= maxPending { return .unavailable("too many calls in flight") }
    return now < deadline ? nil : .unavailable("the deadline has passed")
  }

  /// Writes a call.
  ///
  /// - Returns: when to call `expire`; nil: unchanged.
  package mutating func send(
    _ kind: RedisCallKind, now: Instant, deadline: Instant, _ caller: Caller,
    write: (inout RedisWriter) -> Void
  ) -> Instant? {
    let commands = kind.encode(into: &output, write)
    return append(
      RedisCall(commands: commands, isAsking: false, sentAt: now, deadline: deadline, owner: .caller(caller)))
  }

  /// Writes a call that is encoded.
  ///
  /// - Returns: when to call `expire`; nil: unchanged.
  package mutating func send(
    _ held: HeldRedisCall, now: Instant, deadline: Instant, _ caller: Caller
  ) -> Instant? {
    append(held, sentAt: now, deadline: deadline, .caller(caller))
  }

  /// Encodes a call that needs a permit; `release` must follow.
  package mutating func hold(_ kind: RedisCallKind, write: (inout RedisWriter) -> Void) -> HeldRedisCall {
    hold()
    return HeldRedisCall(kind, write)
  }

  /// The same for a call that is encoded.
  package mutating func hold() { keptBack += 1 }

  /// - Parameters:
  ///   - asked: when the call was held.
  ///   - heard: when the server last sent something; nil without a connection.
  package mutating func release(
    _ held: HeldRedisCall, _ permit: CallPermit, asked: Instant, now: Instant, deadline: Instant,
    heard: Instant?, _ caller: Caller
  ) -> Release {
    keptBack -= 1
    switch permit {
    case .refused(let reason): return .tell(.unavailable(reason), cuts: false)
    case .silent:
      counters.timeouts += 1
      return .tell(.outcomeUnknown(Self.noAnswer), cuts: heard.map { $0 < asked } ?? false)
    case .proceed, .proceedUnanswered:
      guard now < deadline else {
        counters.timeouts += 1
        return .tell(.outcomeUnknown(Self.noAnswer), cuts: false)
      }
      guard phase == .ready else {
        return .tell(.outcomeUnknown(trouble?.reason ?? "not connected"), cuts: false)
      }
      return .sent(
        append(
          held, sentAt: now, deadline: deadline, permit == .proceed ? .caller(caller) : .unanswered(caller)))
    }
  }

  package mutating func reply(_ reply: RedisReply) -> ReplyStep {
    guard let (commands, isAsking) = inFlight.withFirst({ ($0.commands, $0.isAsking) }) else {
      return .cut("a reply to nothing that was asked")
    }
    guard let outcome = replies.take(reply, commands: commands, isAsking: isAsking) else { return .nothing }
    guard let call = inFlight.popFirst() else { return .nothing }
    replies = RedisReplies()
    if case .login(let index) = call.owner { return loginReply(index, outcome) }
    learn(from: outcome, inTransaction: call.commands != nil)
    switch call.owner {
    case nil, .login, .trial: return .nothing
    case .caller(let caller): return .tell(caller, outcome)
    case .unanswered(let caller):
      return .tell(caller, .failure(.outcomeUnknown("the answer was lost by a fault switch")))
    }
  }

  /// Gives up every call whose deadline has passed. `heard`: when the server last sent something.
  package mutating func expire(now: Instant, heard: Instant) -> Overdue {
    var callers: [Caller] = []
    var next: Instant?
    var cuts = false
    inFlight.updateEach { call in
      guard call.owner != nil else { return }
      guard call.deadline <= now else {
        next = min(next ?? call.deadline, call.deadline)
        return
      }
      if let caller = call.caller { callers.append(caller) }
      call.owner = nil
      if heard < call.sentAt { cuts = true }
    }
    counters.timeouts += callers.count
    wakeAt = next
    if phase == .draining, !callers.isEmpty || hasDrained { cuts = true }
    return Overdue(callers: callers, next: next, cuts: cuts)
  }

  private mutating func append(
    _ held: HeldRedisCall, sentAt: Instant, deadline: Instant, _ owner: RedisCall<Caller>.Owner
  ) -> Instant? {
    if held.isAsking { output += "*1\r\n$6\r\nASKING\r\n".utf8 }
    output += held.bytes
    return append(
      RedisCall(
        commands: held.commands, isAsking: held.isAsking, sentAt: sentAt, deadline: deadline, owner: owner))
  }

  private mutating func append(_ call: RedisCall<Caller>) -> Instant? {
    inFlight.append(call)
    if let wakeAt, wakeAt <= call.deadline { return nil }
    wakeAt = call.deadline
    return call.deadline
  }
}

// MARK: - Refusals

extension RedisSession {
  /// Whether the login ends with a transaction.
  package var hasTrial: Bool { login.last?.kind == .transaction }

  /// Writes the login's last step again, so that a refusal, or its end, is known without a caller.
  ///
  /// - Returns: when to call `expire`; nil: unchanged.
  package mutating func tryAgain(now: Instant, deadline: Instant) -> Instant? {
    guard phase == .ready, hasTrial, let step = login.last else { return nil }
    return append(HeldRedisCall(step), sentAt: now, deadline: deadline, .trial)
  }

  /// What the driver has to do now that `hasNews`: close the connection where the result is a reason.
  package mutating func takeNews() -> String? {
    hasNews = false
    return hasDrained ? trouble?.reason : nil
  }

  private mutating func learn(from outcome: Outcome, inTransaction: Bool) {
    switch outcome {
    case .success:
      if isSuspect { (isSuspect, failures) = (false, 0) }
      if inTransaction, trouble != nil, phase == .ready { set(trouble: nil) }
    case .failure(let error):
      if phase == .ready, let refusal = RedisTrouble(error, inTransaction: inTransaction),
        !isNode || refusal.kind != .cluster && refusal.kind != .node
      {
        refused(refusal)
      }
    }
    if phase == .draining, hasDrained { hasNews = true }
  }

  private mutating func refused(_ refusal: RedisTrouble) {
    set(trouble: refusal)
    guard !refusal.keepsConnection else { return }
    (phase, verdict, isSuspect) = (.draining, refusal, true)
  }

  private mutating func set(trouble new: RedisTrouble?) {
    guard trouble != new else { return }
    trouble = new
    hasNews = true
  }

  /// Nobody waits for what was sent any more.
  private var hasDrained: Bool {
    guard phase == .draining else { return false }
    return !(0..<inFlight.count).contains { inFlight[$0].owner != nil }
  }
}
