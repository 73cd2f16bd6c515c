package import EventLoop

/// Answers one request: at once, or later from a task that the server starts on the loop.
package typealias HTTPHandler = @LoopActor (HTTPRequest) -> Reply<HTTPResponse>

/// A strict HTTP/1.1 server on the loop: accepts, bounds and closes connections.
///
/// What happens on one connection is `ServerConnection`'s. All share one read buffer and one head parser,
/// and the answers of a turn leave at its end.
@LoopActor
package final class HTTPServer {
  package internal(set) var statistics = HTTPServerStatistics()
  let configuration: HTTPServerConfiguration
  let handler: HTTPHandler
  let parser: HeadParser
  let readBuffer = ReadBuffer(count: 65_536)
  let buffers = BufferPool()
  var deadlines = DeadlineTable()
  var date = DateLine()
  /// The time of the event that is being worked on.
  private(set) var now = Instant.now
  private(set) var isDraining = false

  /// Connections above the limit that are being told so; with as many as this, accepting pauses.
  private static let refusedAtATime = 64
  private static let acceptsATurn = 64
  /// Every request costs the same turn. Were all that wait begun in one, a crowd would make turns long, and what a
  /// database has answered would lie there unread: its connections would stand idle, the more the larger the crowd.
  private static let readsATurn = 32
  private static let acceptPause = Duration.milliseconds(100)

  private var connections: [ServerConnection?] = []
  private var listener: Int32 = -1
  private var listenerWatch: DescriptorWatch?
  private var acceptTimer: LoopTimer?
  private var sweepTimer: LoopTimer?
  /// How many connections may still be read in this turn, and those that have to wait for the next.
  private var readsLeft = HTTPServer.readsATurn
  private var putOff = Deque<ServerConnection>()
  private var unflushed: [ServerConnection] = []
  private var isFlushing = false
  private var allClosed: Completion<Void>?

  package init(configuration: HTTPServerConfiguration, handler: @escaping HTTPHandler) {
    self.configuration = configuration
    self.handler = handler
    parser = HeadParser(.request, limits: configuration.head)
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

  /// Takes no new connections and no new requests (one whose head has begun to arrive still counts as
  /// taken), answers those in flight, closes; what is left at the deadline is cut.
  package func drain(deadline: Instant) async {
    stopListening()
    isDraining = true
    for connection in connections { connection?.beginDraining() }
    guard statistics.connectionsOpen > 0 else { return }
    let done = Completion<Void>()
    allClosed = done
    do { try await done.value(deadline: deadline) } catch {
      statistics.connectionsCut += UInt64(statistics.connectionsOpen)
      for connection in connections { connection?.close() }
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
      guard statistics.connectionsOpen < configuration.maxConnections + Self.refusedAtATime else {
        return pauseAccepting()
      }
      do throws(SocketError) {
        guard let descriptor = try Sockets.accept(listener) else { return }
        admit(descriptor)
      } catch {
        // No descriptors or no memory, as a rule: the listener stays readable, so looking again at once
        // would spin.
        statistics.acceptPauses += 1
        return pauseAccepting()
      }
    }
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

  /// Whether a connection may be read now; one that may not is called again in a later turn, first come first served.
  func mayRead(_ connection: ServerConnection) -> Bool {
    if putOff.isEmpty, readsLeft > 0 {
      if readsLeft == Self.readsATurn { EventLoop.shared.atTurnEnd { self.readsLeft = Self.readsATurn } }
      readsLeft -= 1
      return true
    }
    if putOff.isEmpty { EventLoop.shared.atNextTurn { self.readPutOff() } }
    putOff.append(connection)
    statistics.readsPutOff += 1
    return false
  }

  private func readPutOff() {
    for _ in 0..<Self.readsATurn {
      guard let connection = putOff.popFirst() else { return }
      connection.readPutOff()
    }
    if !putOff.isEmpty { EventLoop.shared.atNextTurn { self.readPutOff() } }
  }

  // MARK: - The turn's end and the time

  /// Has the connection write what it has gathered when the turn ends, or before where very many have.
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
    now = .now
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
