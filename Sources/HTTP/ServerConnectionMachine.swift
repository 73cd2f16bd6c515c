package import EventLoop
package import Text

/// One connection of a server, without its socket: events come in, actions go out.
///
///     open ──last answer known──▶ finishing ──it has left──▶ lingering ──peer closed, or time──▶ closed
///       └──────────── reset, or idle for too long, or the answers are not read ───────────────────▶ ┘
///
/// Lingering: writing is shut down and what still arrives is thrown away, because closing with unread bytes would reset
/// the connection and lose the answer.
///
/// Pure: it knows no socket, clock, handler or server. An event that cannot happen in the present state traps.
package struct ServerConnectionMachine {
  package typealias Action = ServerConnectionAction

  enum Stage { case open, finishing, lingering, closed }
  /// What the owner was asked to do and has not reported on yet.
  private enum Asked { case nothing, read, write }
  private enum Flush { case none, wanted, planned }

  let tools: ConnectionTools
  var stage = Stage.open
  private var asked = Asked.nothing
  private var isDraining = false
  private var hasPeerEnded = false

  /// Bytes that have just arrived and are used in place; valid until the sequence of actions ends.
  var arrived = UnsafeRawBufferPointer(start: nil, count: 0)
  /// When they were first seen.
  var seenAt = Instant(nanoseconds: 0)
  /// Bytes that arrived before and are not used yet: a partial head, or requests that must wait.
  var input: ByteQueue?
  /// Whether anything has changed since the bytes were last found to hold no request that may begin.
  var mayHoldRequest = false
  /// How many bytes of `input` or `arrived` the latest step has used.
  var used = 0
  /// The request whose body is arriving.
  var body: PartialBody?
  private var putOff = PutOffRead()
  /// Bytes thrown away since writing was shut down.
  private var lingered = 0

  var order: AnswerOrder
  /// The next request may not begin before others are answered or their answers have left.
  var isPaused = false
  /// The request in flight changes something: no other begins beside it.
  var isAlone = false
  /// The last answer of this connection has been written.
  private var hasAnsweredLast = false

  /// What has not left yet.
  private var output: ByteQueue?
  private var flush = Flush.none
  private var isWriteBlocked = false

  /// What the present deadline is for.
  private var limit: TimeLimit?
  /// The awaited step is complete: the next deadline starts now, even if it is of the same kind.
  private var restartsLimit = false

  package init(_ tools: ConnectionTools) {
    self.tools = tools
    order = AnswerOrder(tools.buffers.memory)
  }

  package var isClosed: Bool { stage == .closed }

  /// Whether a read was put off; then it is `reportedAgain`, not `readable`.
  package var isPutOff: Bool { putOff.since != nil }

  private var wantsBytes: Bool {
    (stage == .lingering || stage == .open && !isPaused) && !hasPeerEnded
  }

  private var isIdle: Bool {
    stage == .open && order.unanswered == 0 && output == nil && body == nil && input == nil
  }

  /// How much is kept for this peer while it is waited for.
  private var kept: Int { (input?.count ?? 0) + (output?.count ?? 0) }

  /// Whether not even a safe request may begin now.
  var mustWait: Bool {
    if order.unanswered > 0, isAlone || isDraining || tools.buffers.memory.isOver { return true }
    return order.unanswered >= tools.configuration.maxPipelined
      || output?.count ?? 0 > tools.configuration.maxUnsentBytes
  }

  /// Whether nothing is left to answer and no further request is taken.
  private var isFinished: Bool {
    if hasAnsweredLast { return true }
    guard order.unanswered == 0 else { return false }
    return stage == .finishing || isDraining && body == nil && input == nil
  }

  // MARK: - Beginning and going on

  package mutating func start() -> Action { settle() }

  /// The action after one that has been carried out.
  package mutating func next() -> Action {
    precondition(asked == .nothing, "the outcome of a read or a write was not reported")
    if let action = nextRequest() { return action }
    if planFlush() { return .flushAtTurnEnd }
    // What to wait for is known when the answers have been written.
    return flush == .planned || stage == .closed ? .nothing : settle()
  }

  // MARK: - Reading

  package mutating func readable() -> Action {
    precondition(!isPutOff, "the read was put off")
    return wantsBytes ? readOnce() : .nothing
  }

  /// The socket is readable, but the server has no time for it in this turn.
  package mutating func putOff(at now: Instant) { putOff.begin(at: now) }

  package mutating func reportedAgain() -> Action {
    putOff.reportedAgain()
    return putOff.isWatched || isClosed ? .nothing : settle()
  }

  /// The server has time for the read that was put off.
  package mutating func turnCame() -> Action {
    if wantsBytes { return readOnce() }
    putOff.end()
    return isClosed ? .nothing : settle()
  }

  /// `bytes` are used until the sequence of actions ends.
  package mutating func received(_ bytes: UnsafeRawBufferPointer, at now: Instant) -> Action {
    seenAt = putOff.since ?? now
    hasRead()
    if stage == .lingering {
      lingered += bytes.count
      return lingered > tools.configuration.maxLingerBytes ? close(.over) : next()
    }
    if let input { input.append(bytes) } else { arrived = bytes }
    mayHoldRequest = true
    return next()
  }

  package mutating func foundNothing() -> Action {
    hasRead()
    return isDraining && isIdle ? close(.over) : next()
  }

  /// The peer has sent its last byte.
  package mutating func peerEnded() -> Action {
    hasRead()
    hasPeerEnded = true
    body = nil
    dropInput()
    if stage == .lingering || order.unanswered == 0 && output == nil { return close(.over) }
    stage = .finishing
    return next()
  }

  private mutating func readOnce() -> Action {
    asked = .read
    return .read
  }

  private mutating func hasRead() {
    precondition(asked == .read, "no read was asked for")
    asked = .nothing
    putOff.end()
  }

  /// A read or a write failed: the connection is lost.
  package mutating func failed() -> Action {
    precondition(asked != .nothing, "neither a read nor a write was asked for")
    return close(.over)
  }

  // MARK: - Answers

  /// Takes the answer to a request; returns `flushAtTurnEnd` or `nothing`. An answer that comes after the connection's
  /// last one is ignored.
  package mutating func answer(_ response: HTTPResponse, _ ticket: AnswerTicket, date: [UInt8]) -> Action {
    guard stage != .closed, !hasAnsweredLast, order.take(response, ticket) else { return .nothing }
    append(response, ticket.shape, date)
    appendEarly(date)
    return planFlush() ? .flushAtTurnEnd : .nothing
  }

  /// The same for JSON that is written in place where it is the answer's turn.
  package mutating func answer(
    _ ticket: AnswerTicket, status: Int, date: [UInt8], capacity: Int, json write: (inout TextBuffer) -> Void
  ) -> Action {
    guard stage != .closed, !hasAnsweredLast else { return .nothing }
    guard order.takeNext(ticket) else {
      return answer(.json([UInt8](capacity: capacity, text: write), status: status), ticket, date: date)
    }
    let shape = shape(of: ticket.shape, closes: false)
    ResponseWriter.write(json: write, capacity: capacity, status: status, shape, date: date, to: gather())
    appendEarly(date)
    return planFlush() ? .flushAtTurnEnd : .nothing
  }

  private mutating func appendEarly(_ date: [UInt8]) {
    while !hasAnsweredLast, let early = order.takeEarly() { append(early.response, early.ticket.shape, date) }
  }

  private mutating func append(_ response: HTTPResponse, _ requested: AnswerShape, _ date: [UInt8]) {
    let shape = shape(of: requested, closes: response.close)
    ResponseWriter.write(response, shape, date: date, to: gather())
  }

  private mutating func shape(of requested: AnswerShape, closes: Bool) -> AnswerShape {
    var shape = requested
    if closes || isDraining && order.unanswered == 0 { shape.closes = true }
    if shape.closes {
      hasAnsweredLast = true
      if stage == .open { stage = .finishing }
    }
    return shape
  }

  /// The buffer for what leaves at the turn's end.
  mutating func gather() -> ByteQueue {
    if flush == .none { flush = .wanted }
    if let output { return output }
    let fresh = tools.buffers.take()
    output = fresh
    return fresh
  }

  private mutating func planFlush() -> Bool {
    guard flush == .wanted else { return false }
    flush = .planned
    return true
  }

  // MARK: - Writing

  package mutating func turnEnded(at now: Instant) -> Action {
    flush = .none
    return writeOnce(now)
  }

  package mutating func writable(at now: Instant) -> Action { isWriteBlocked ? writeOnce(now) : .nothing }

  /// Writes what there is, once; the rest when the socket takes more.
  private mutating func writeOnce(_ now: Instant) -> Action {
    guard stage != .closed else { return .nothing }
    seenAt = now
    guard let output else { return allWritten() }
    asked = .write
    return .write(output.bytes)
  }

  /// The socket has taken so many bytes, perhaps none.
  package mutating func wrote(_ count: Int) -> Action {
    guard asked == .write, let output else { preconditionFailure("no write was asked for") }
    asked = .nothing
    output.consume(count)
    if count > 0, limit == .write { restartLimit() }
    isWriteBlocked = !output.isEmpty
    if isWriteBlocked { return resume() }
    tools.buffers.giveBack(output)
    self.output = nil
    return allWritten()
  }

  private mutating func allWritten() -> Action {
    guard stage != .lingering, isFinished else { return resume() }
    dropInput()
    if hasPeerEnded { return close(.over) }
    stage = .lingering
    return .shutdownWriting
  }

  private mutating func resume() -> Action {
    if isPaused, !mustWait {
      isPaused = false
      mayHoldRequest = true
    }
    return next()
  }

  // MARK: - Deadlines

  /// Nothing, if the deadline was disarmed after the server had found it due.
  package mutating func deadlinePassed() -> Action {
    guard let limit else { return .nothing }
    self.limit = nil
    if restartsLimit { return .nothing }
    switch limit {
    // A 408 to somebody who has asked nothing yet would be taken for the answer to what they ask at that moment.
    case .head: return isIdle ? close(.idle) : stage == .open ? refuse(.headTimeout) : .nothing
    case .body: return stage == .open ? refuse(.bodyTimeout) : .nothing
    case .write: return close(.unread)
    case .idle: return close(.idle)
    case .linger: return close(.over)
    }
  }

  mutating func restartLimit() { restartsLimit = limit != nil }

  // MARK: - The end

  /// Takes no further request; one whose head has begun to arrive counts as taken. What the peer of an idle connection
  /// has sent by now is still answered.
  package mutating func drain() -> Action {
    isDraining = true
    return isIdle ? readOnce() : .nothing
  }

  /// Answers with an error and closes, behind the answers to the requests before.
  package mutating func refuse(_ refusal: HTTPRefusal) -> Action {
    precondition(stage == .open, "nothing more is taken")
    body = nil
    stage = .finishing
    return .refuse(refusal, order.begin(AnswerShape(closes: true)))
  }

  /// Closes whatever is in flight.
  package mutating func cut() -> Action { isClosed ? .nothing : close(.over) }

  private mutating func close(_ reason: CloseReason) -> Action {
    stage = .closed
    asked = .nothing
    isWriteBlocked = false
    arrived = UnsafeRawBufferPointer(start: nil, count: 0)
    dropInput()
    if let output { tools.buffers.giveBack(output) }
    output = nil
    body = nil
    order.dropEarly()
    return .close(reason)
  }

  // MARK: - What to wait for

  private mutating func settle() -> Action {
    if input != nil || isWriteBlocked, tools.buffers.memory.isOver, kept > tools.configuration.maxShareBytes {
      return close(.overShare)
    }
    var readiness = Readiness()
    if wantsBytes, putOff.isWatched { readiness.insert(.readable) }
    if isWriteBlocked { readiness.insert(.writable) }
    let next = whatToLimit
    if next == limit, !restartsLimit { return .wait(readiness, .keep) }
    limit = next
    restartsLimit = false
    return .wait(readiness, next.map { .arm($0) } ?? .disarm)
  }

  private var whatToLimit: TimeLimit? {
    if stage == .lingering { return .linger }
    if isWriteBlocked { return .write }
    if body != nil { return .body }
    if order.unanswered > 0 || stage == .finishing { return nil }
    return input != nil || !order.hasBegun ? .head : .idle
  }
}
