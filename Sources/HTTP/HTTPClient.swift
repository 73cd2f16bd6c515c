package import EventLoop

/// Requests to one address over kept-alive connections, one request at a time on each. Nothing is sent twice.
///
///     send ──▶ the connection that has been idle longest
///        └──▶ waiting (bounded) ──▶ the next connection that becomes idle or is opened
///
/// Call `close` when done: open connections keep the client alive.
@LoopActor
package final class HTTPClient {
  package typealias Outcome = Result<HTTPClientResponse, HTTPClientError>

  let configuration: HTTPClientConfiguration
  let parser: HeadParser
  let readBuffer = ReadBuffer(count: 65_536)
  let buffers = BufferPool()
  var deadlines = DeadlineTable()

  /// More at once would overrun a listener's queue.
  private static let connectingAtATime = 256
  private static let sweepInterval = Duration.milliseconds(10)

  private var connections: [ClientConnection?] = []
  /// Connections that are open or being opened.
  package private(set) var connectionCount = 0
  /// Requests that were never sent because this machine had no descriptor, local port or memory left.
  package private(set) var unsent = 0
  /// What the system said of the last of them.
  package private(set) var unsentReason: String?
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

  // MARK: - Sending

  /// If the deadline passes before the answer arrives, the connection is closed.
  package func send(
    _ request: HTTPRequest, deadline: Instant
  ) async throws(HTTPClientError) -> HTTPClientResponse {
    let bytes = request.wireBytes(host: configuration.hostHeader)
    let outcome: Outcome = await withUnsafeContinuation { continuation in
      send(bytes, deadline: deadline) { continuation.resume(returning: $0) }
    }
    return try outcome.get()
  }

  /// The same without a task. `bytes` is one whole request (as `HTTPRequest.wireBytes` makes it); `completion` is
  /// called once, after this has returned. `onSent` is called when a connection has taken the request, perhaps at once,
  /// with a moment just before its first byte left.
  package func send(
    _ bytes: [UInt8], deadline: Instant, onSent: (@LoopActor (Instant) -> Void)? = nil,
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

  /// Opens connections in advance; returns how many are open in the end.
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

  /// Fails the call at the turn's end, so that no caller is called back before its own call has returned.
  func fail(_ call: ClientCall, _ error: HTTPClientError) {
    EventLoop.shared.atTurnEnd { call.completion(.failure(error)) }
  }

  // MARK: - Connections

  /// Opens connections for the requests that wait, as many as are allowed.
  func connectMore() {
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
        if error.isExhaustion, !waiting.isEmpty { (unsent, unsentReason) = (unsent + 1, error.description) }
        noteFailure(error.description)
      }
    }
  }

  /// A connection was opened, or its answer has arrived and it can be used again.
  func becameIdle(_ connection: ClientConnection, wasConnecting: Bool) {
    if wasConnecting { connecting -= 1 }
    while let call = waiting.popFirst() {
      if connection.begin(call) { break }
      // The connection was lost before it took a byte.
      waiting.append(call)
      break
    }
    if connection.isIdle { idle.append(connection) }
    connectMore()
    noteOpened()
  }

  /// A connection could not be opened: the request that has waited longest fails.
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
    opened = nil
  }

  /// A connection has closed its descriptor.
  func forget(_ slot: Int) {
    connections[slot] = nil
    deadlines.giveBack(slot)
    connectionCount -= 1
  }

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
  let onSent: (@LoopActor (Instant) -> Void)?
  let completion: @LoopActor (HTTPClient.Outcome) -> Void

  var isHead: Bool { bytes.starts(with: "HEAD ".utf8) }
}
