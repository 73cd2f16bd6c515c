package import EventLoop

/// Requests to one address over kept-alive connections, one request at a time on each. Nothing is sent twice.
///
///     send ──▶ an idle connection, the one that has rested longest
///        └──▶ waiting (bounded) ──▶ the next that becomes idle or comes about
///
/// `close` it in the end: open connections keep it alive.
@LoopActor
package final class HTTPClient {
  package typealias Outcome = Result<HTTPClientResponse, HTTPClientError>

  let configuration: HTTPClientConfiguration
  let parser: HeadParser
  let readBuffer = ReadBuffer(count: 65_536)
  let buffers = BufferPool()
  var deadlines = DeadlineTable()

  /// More than these at once would overrun a listener's queue.
  private static let connectingAtATime = 256
  private static let sweepInterval = Duration.milliseconds(10)

  private var connections: [ClientConnection?] = []
  private var connectionCount = 0
  private var connecting = 0
  private var idle = Deque<ClientConnection>()
  private var waiting = Deque<ClientCall>()
  private var firstWaitingDeadline = Instant(nanoseconds: .max)
  private var sweepTimer: LoopTimer?
  /// How many connections `open` wants, and who waits for them.
  private var wanted = 0
  private var opened: Completion<Void>?
  private var isClosed = false

  package init(_ configuration: HTTPClientConfiguration) {
    self.configuration = configuration
    parser = HeadParser(.answer, limits: configuration.head)
  }

  /// Connections that are open or coming about, and requests that wait for one.
  package var statistics: (connections: Int, waiting: Int) { (connectionCount, waiting.count) }

  // MARK: - Sending

  /// A request that the deadline cuts off takes its connection with it.
  package func send(
    _ request: HTTPRequest, deadline: Instant
  ) async throws(HTTPClientError) -> HTTPClientResponse {
    let bytes = request.wireBytes(host: configuration.hostHeader)
    let outcome: Outcome = await withUnsafeContinuation { continuation in
      send(bytes, deadline: deadline) { continuation.resume(returning: $0) }
    }
    return try outcome.get()
  }

  /// Without a task. `bytes` is one whole request (as `HTTPRequest.wireBytes` makes it); `completion` is
  /// called once, and not before this has returned. `onSent` hears when a connection has taken it, perhaps at once.
  package func send(
    _ bytes: [UInt8], deadline: Instant, onSent: (@LoopActor () -> Void)? = nil,
    completion: @escaping @LoopActor (Outcome) -> Void
  ) {
    let call = ClientCall(bytes: bytes, deadline: deadline, onSent: onSent, completion: completion)
    if isClosed { return fail(call, .neverSent("the client is closed")) }
    scheduleSweep()
    if waiting.isEmpty, give(call) { return }
    guard waiting.count < configuration.maxWaiting else {
      return fail(call, .neverSent("too many requests wait for a connection"))
    }
    waiting.append(call)
    firstWaitingDeadline = min(firstWaitingDeadline, deadline)
    connectMore()
  }

  /// Opens connections beforehand; returns how many there are in the end.
  package func open(_ count: Int, deadline: Instant) async -> Int {
    wanted = min(count, configuration.maxConnections)
    let done = Completion<Void>()
    opened = done
    scheduleSweep()
    connectMore()
    noteOpened()
    do { try await done.value(deadline: deadline) } catch { wanted = 0 }
    return connectionCount - connecting
  }

  /// Fails what is in flight and closes everything.
  package func close() {
    isClosed = true
    wanted = 0
    while let call = waiting.popFirst() { fail(call, .neverSent("the client is closed")) }
    for connection in connections { connection?.abort("the client is closed") }
  }

  /// Hands the request to an idle connection; false where there is none that takes it.
  private func give(_ call: ClientCall) -> Bool {
    while let connection = idle.popFirst() {
      if connection.begin(call) { return true }
    }
    return false
  }

  /// Tells the caller after the present turn, so that nobody is called back while still calling.
  func fail(_ call: ClientCall, _ error: HTTPClientError) {
    EventLoop.shared.atTurnEnd { call.completion(.failure(error)) }
  }

  // MARK: - Connections

  private func connectMore() {
    while !isClosed, connecting < Self.connectingAtATime, connectionCount < configuration.maxConnections,
      connecting < waiting.count || connectionCount < wanted
    {
      let slot = deadlines.takeSlot()
      do throws(SocketError) {
        let descriptor = try Sockets.connect(to: configuration.address)
        let connection = ClientConnection(client: self, descriptor: descriptor, slot: slot)
        if slot < connections.count { connections[slot] = connection } else { connections.append(connection) }
        connectionCount += 1
        connecting += 1
        connection.start()
      } catch {
        deadlines.giveBack(slot)
        noteFailure(error.description)
      }
    }
  }

  /// A connection has come about, or has been answered and can be used again.
  func becameIdle(_ connection: ClientConnection, wasConnecting: Bool) {
    if wasConnecting { connecting -= 1 }
    while let call = waiting.popFirst() {
      if connection.begin(call) { break }
      // It has just died without taking a byte.
      waiting.append(call)
      break
    }
    if connection.isIdle { idle.append(connection) }
    connectMore()
    noteOpened()
  }

  /// A connection could not be made: the request that has waited longest hears of it.
  func couldNotConnect(_ reason: String) {
    connecting -= 1
    noteFailure(reason)
    connectMore()
  }

  private func noteFailure(_ reason: String) {
    wanted = 0
    if let call = waiting.popFirst() { fail(call, .neverSent(reason)) }
    noteOpened()
  }

  private func noteOpened() {
    guard connecting == 0, connectionCount >= wanted else { return }
    wanted = 0
    opened?.succeed(())
  }

  /// A connection has closed its descriptor.
  func forget(_ slot: Int) {
    connections[slot] = nil
    deadlines.giveBack(slot)
    connectionCount -= 1
  }

  /// What waits may need a connection in place of one that has gone.
  func replaceClosed() { connectMore() }

  // MARK: - Deadlines

  private func scheduleSweep() {
    guard sweepTimer?.isPending != true else { return }
    sweepTimer = EventLoop.shared.schedule(after: Self.sweepInterval) { [weak self] in self?.sweep() }
  }

  private func sweep() {
    let now = Instant.now
    for slot in deadlines.takeDue(now) { connections[slot]?.expire() }
    if now >= firstWaitingDeadline { dropLateWaiting(now) }
    if !waiting.isEmpty || connecting > 0 || deadlines.hasAny { scheduleSweep() }
  }

  private func dropLateWaiting(_ now: Instant) {
    var kept = Deque<ClientCall>()
    firstWaitingDeadline = Instant(nanoseconds: .max)
    while let call = waiting.popFirst() {
      if call.deadline <= now {
        fail(call, .neverSent("no connection before the deadline"))
      } else {
        firstWaitingDeadline = min(firstWaitingDeadline, call.deadline)
        kept.append(call)
      }
    }
    waiting = kept
  }
}

/// One request on its way.
struct ClientCall {
  let bytes: [UInt8]
  let deadline: Instant
  let onSent: (@LoopActor () -> Void)?
  let completion: @LoopActor (HTTPClient.Outcome) -> Void

  var isHead: Bool { bytes.starts(with: "HEAD ".utf8) }
}
