package import EventLoop

/// Answers one request: at once, later from a task that the server starts on the loop, or (nil) by telling the caller.
package typealias HTTPHandler = @LoopActor (HTTPRequest, HTTPCaller) -> Reply<HTTPResponse>?

/// A strict HTTP/1.1 server on the loop: accepts, bounds and closes connections.
///
/// `ServerConnectionMachine` decides what happens on one connection. All share one read buffer and one head parser, and
/// the answers of a turn leave at its end.
@LoopActor
package final class HTTPServer {
  package internal(set) var statistics = HTTPServerStatistics()
  let handler: HTTPHandler
  let tools: ConnectionTools
  let readBuffer = ReadBuffer(count: 65_536)
  var deadlines = DeadlineTable()
  var date = DateLine()
  /// The time of the event that is being worked on.
  private(set) var now = Instant.now

  private static let acceptsATurn = 64
  /// Reads and requests in one turn, together, because a read may hold hundreds of requests. Without this bound a large crowd would
  /// make a turn long, and meanwhile the database's answers would lie unread and its connections idle.
  private static let workATurn = 256
  private static let acceptPause = Duration.milliseconds(100)

  /// Is told why connections cannot be accepted (no descriptor or memory is left), as often as that is tried, and nil when
  /// one is accepted again.
  package var onAcceptTrouble: (@LoopActor (SocketError?) -> Void)?
  private var isAcceptTroubled = false

  private var connections: [ServerConnection?] = []
  private var listener: Int32 = -1
  private var listenerWatch: DescriptorWatch?
  private var acceptTimer: LoopTimer?
  private var sweepTimer: LoopTimer?
  /// What may still be done in this turn, and the connections that wait for a later one.
  private var workLeft = HTTPServer.workATurn
  private var putOff = Deque<ServerConnection>()
  private var unflushed: [ServerConnection] = []
  private var isFlushing = false
  private var allClosed: Completion<Void>?

  private var configuration: HTTPServerConfiguration { tools.configuration }

  /// What is kept for all peers together.
  package var bufferedBytes: Int { tools.bufferedBytes }

  package init(configuration: HTTPServerConfiguration, telling handler: @escaping HTTPHandler) {
    self.handler = handler
    tools = ConnectionTools(configuration)
  }

  /// For handlers that return every answer.
  package convenience init(
    configuration: HTTPServerConfiguration, handler: @escaping @LoopActor (HTTPRequest) -> Reply<HTTPResponse>
  ) {
    self.init(configuration: configuration, telling: { request, _ in handler(request) })
  }

  /// Listens; returns the port.
  package func start() throws(SocketError) -> Int {
    precondition(listenerWatch == nil, "the server was started before")
    let (descriptor, port) = try Sockets.listen(
      host: configuration.host, port: configuration.port, reusePort: configuration.sharePort)
    listener = descriptor
    let watch = DescriptorWatch(descriptor) { [weak self] _ in self?.acceptSome() }
    listenerWatch = watch
    watch.watch(.readable)
    return port
  }

  /// Takes no new connections and no new requests (a request whose head has begun to arrive counts as taken), answers
  /// those in flight and closes; connections that are open at the deadline are cut.
  package func drain(deadline: Instant) async {
    stopListening()
    for connection in connections { connection?.drain() }
    guard statistics.connectionsOpen > 0 else { return }
    let done = Completion<Void>()
    allClosed = done
    do { try await done.value(deadline: deadline) } catch {
      statistics.connectionsCut += UInt64(statistics.connectionsOpen)
      for connection in connections { connection?.cut() }
    }
  }

  private func stopListening() {
    acceptTimer?.cancel()
    guard let watch = listenerWatch, listener >= 0 else { return }
    watch.stop()
    Sockets.close(listener)
    listener = -1
  }

  // MARK: - Accepting

  private func acceptSome() {
    guard listener >= 0 else { return }
    readClock()
    for _ in 0..<Self.acceptsATurn {
      guard statistics.connectionsOpen < configuration.maxConnections + configuration.maxRefused else {
        return pauseAccepting()
      }
      do throws(SocketError) {
        guard let descriptor = try Sockets.accept(listener) else { return }
        admit(descriptor)
        if isAcceptTroubled { noteAccept(nil) }
      } catch {
        // Usually no descriptors or no memory are left. The listener stays readable, so trying again at once would
        // spin.
        noteAccept(error)
        return pauseAccepting()
      }
    }
  }

  private func noteAccept(_ trouble: SocketError?) {
    isAcceptTroubled = trouble != nil
    if trouble != nil { statistics.acceptsFailed += 1 }
    onAcceptTrouble?(trouble)
  }

  private func admit(_ descriptor: Int32) {
    let slot = deadlines.takeSlot()
    let connection = ServerConnection(server: self, descriptor: descriptor, slot: slot)
    guard connection.start() else {
      deadlines.giveBack(slot)
      Sockets.close(descriptor)
      return
    }
    if slot < connections.count { connections[slot] = connection } else { connections.append(connection) }
    statistics.connectionsAccepted += 1
    statistics.connectionsOpen += 1
    if statistics.connectionsOpen > configuration.maxConnections {
      statistics.connectionsRefused += 1
      connection.refuse(.tooManyConnections)
    }
    scheduleSweep()
  }

  private func pauseAccepting() {
    listenerWatch?.watch([])
    guard acceptTimer?.isPending != true else { return }
    acceptTimer = EventLoop.shared.schedule(after: Self.acceptPause) { [weak self] in
      self?.resumeAccepting()
    }
  }

  private func resumeAccepting() {
    guard listener >= 0 else { return }
    acceptTimer?.cancel()
    listenerWatch?.watch(.readable)
  }

  /// A connection has closed its descriptor.
  func forget(_ slot: Int) {
    connections[slot] = nil
    deadlines.giveBack(slot)
    statistics.connectionsOpen -= 1
    if acceptTimer?.isPending == true { resumeAccepting() }
    if statistics.connectionsOpen == 0 { allClosed?.succeed(()) }
  }

  // MARK: - Turns

  /// Whether a connection may be read now. If not, its `readPutOff` is called in a later turn, in order of arrival.
  func mayRead(_ connection: ServerConnection) -> Bool {
    if putOff.isEmpty, workLeft > 0 {
      didWork()
      return true
    }
    if putOff.isEmpty { EventLoop.shared.atNextTurn { self.readPutOff() } }
    putOff.append(connection)
    statistics.readsPutOff += 1
    return false
  }

  /// A connection is read, or a request begins.
  func didWork() {
    if workLeft == Self.workATurn { EventLoop.shared.atTurnEnd { self.workLeft = Self.workATurn } }
    workLeft -= 1
  }

  private func readPutOff() {
    while workLeft > 0, let connection = putOff.popFirst() {
      didWork()
      connection.readPutOff()
    }
    if !putOff.isEmpty { EventLoop.shared.atNextTurn { self.readPutOff() } }
  }

  // MARK: - The turn's end and the time

  /// Has the connection write its answers when the turn ends, or earlier if very many connections have some.
  func flushAtTurnEnd(_ connection: ServerConnection) {
    if unflushed.count >= BufferPool.keptAtMost, !isFlushing { flush() }
    if unflushed.isEmpty { EventLoop.shared.atTurnEnd { self.flush() } }
    unflushed.append(connection)
  }

  private func flush() {
    isFlushing = true
    readClock()
    let gathered = unflushed
    unflushed.removeAll(keepingCapacity: true)
    for connection in gathered { connection.flush() }
    isFlushing = false
  }

  func readClock() {
    now = EventLoop.shared.turnTime
    date.refresh(now: now)
  }

  private func scheduleSweep() {
    guard sweepTimer?.isPending != true, statistics.connectionsOpen > 0 else { return }
    sweepTimer = EventLoop.shared.schedule(after: configuration.sweepInterval) { [weak self] in self?.sweep()
    }
  }

  private func sweep() {
    readClock()
    for slot in deadlines.takeDue(now) { connections[slot]?.expire() }
    scheduleSweep()
  }
}
