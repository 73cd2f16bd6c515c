internal import EventLoop
internal import Text

/// One connection of a server: carries out what `ServerConnectionMachine` decides, and owns the socket.
///
/// Every event (bytes, an answer, a deadline, the turn's end) is told to the machine, and `run` carries out the actions
/// that it returns: `.dispatch` calls the server's handler, whose answer comes back as an event.
@LoopActor
final class ServerConnection: HTTPAnswerer {
  private let server: HTTPServer
  private let slot: Int
  private var socket: WatchedSocket
  private var machine: ServerConnectionMachine

  init(server: HTTPServer, descriptor: Int32, slot: Int) {
    self.server = server
    self.slot = slot
    socket = WatchedSocket(descriptor)
    machine = ServerConnectionMachine(server.tools)
  }

  /// False where the loop cannot watch the socket.
  func start() -> Bool {
    guard socket.beginWatching({ readiness in self.ready(readiness) }) else { return false }
    run(machine.start())
    return true
  }

  // MARK: - Events

  private func ready(_ readiness: Readiness) {
    if readiness.contains(.writable) { run(machine.writable(at: server.now)) }
    guard readiness.contains(.readable), !machine.isClosed else { return }
    if machine.isPutOff {
      run(machine.reportedAgain())
    } else if server.mayRead(self) {
      run(machine.readable())
    } else {
      machine.putOff(at: .now)
    }
  }

  /// The server has time for what has arrived.
  func readPutOff() { run(machine.turnCame()) }

  /// The turn in which answers were gathered has ended.
  func flush() { run(machine.turnEnded(at: server.now)) }

  /// The connection's deadline has passed.
  func expire() { run(machine.deadlinePassed()) }

  func refuse(_ refusal: HTTPRefusal) { run(machine.refuse(refusal)) }
  func drain() { run(machine.drain()) }
  func cut() { run(machine.cut()) }

  // MARK: - Actions

  // Actions are moved, never copied: a copy retains all that a request holds.
  private func run(_ first: consuming ServerConnectionAction) {
    var action = consume first
    while true {
      switch consume action {
      case .dispatch(let request, let ticket):
        dispatch(request, ticket)
        action = machine.next()
      case .refuse(let refusal, let ticket):
        server.statistics.refusals[refusal.status, default: 0] += 1
        answer(.refusal(refusal), ticket)
        action = machine.next()
      case .shutdownWriting:
        socket.shutdownWriting()
        action = machine.next()
      case .read: action = read()
      case .write(let bytes): action = write(bytes)
      case .flushAtTurnEnd: return server.flushAtTurnEnd(self)
      case .wait(let readiness, let deadline):
        socket.wait(for: readiness)
        return change(deadline)
      case .close(let reason): return close(reason)
      case .nothing: return
      }
    }
  }

  private func read() -> ServerConnectionAction {
    server.readClock()
    switch socket.read(into: server.readBuffer.bytes) {
    case .bytes(let count):
      server.statistics.bytesReceived &+= UInt64(count)
      return machine.received(server.readBuffer.first(count), at: server.now)
    case .blocked: return machine.foundNothing()
    case .ended: return machine.peerEnded()
    case .failed: return machine.failed()
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) -> ServerConnectionAction {
    switch socket.write(bytes) {
    case .bytes(let count): machine.wrote(count)
    case .blocked, .ended: machine.wrote(0)
    case .failed: machine.failed()
    }
  }

  private func dispatch(_ request: HTTPRequest, _ ticket: AnswerTicket) {
    server.statistics.requests += 1
    server.didWork()
    switch server.handler(request, HTTPCaller(self, ticket)) {
    case .now(let response): answer(response, ticket)
    case .later(let work):
      server.statistics.requestsInFlight += 1
      EventLoop.shared.spawn { [self] in answerLate(response: await work(), ticket) }
    case nil: server.statistics.requestsInFlight += 1
    }
  }

  func answerLate(response: HTTPResponse, _ ticket: AnswerTicket) {
    server.statistics.requestsInFlight -= 1
    server.readClock()
    answer(response, ticket)
  }

  func answerLate(
    _ status: Int, _ ticket: AnswerTicket, capacity: Int, json write: (inout TextBuffer) -> Void
  ) {
    server.statistics.requestsInFlight -= 1
    server.readClock()
    if case .flushAtTurnEnd = machine.answer(
      ticket, status: status, date: server.date.bytes, capacity: capacity, json: write)
    {
      server.flushAtTurnEnd(self)
    }
  }

  private func answer(_ response: HTTPResponse, _ ticket: AnswerTicket) {
    // Not `run`: the answer may come while a request is being dispatched, in the middle of a sequence.
    if case .flushAtTurnEnd = machine.answer(response, ticket, date: server.date.bytes) {
      server.flushAtTurnEnd(self)
    }
  }

  private func change(_ deadline: DeadlineChange) {
    switch deadline {
    case .keep: break
    case .disarm: server.deadlines.clear(slot)
    case .arm(let limit):
      server.deadlines.set(slot, server.now + server.tools.configuration.duration(of: limit))
    }
  }

  private func close(_ reason: CloseReason) {
    switch reason {
    case .over: break
    case .idle: server.statistics.idleTimeouts += 1
    case .unread: server.statistics.writeTimeouts += 1
    case .overShare: server.statistics.connectionsShed += 1
    }
    socket.close()
    server.forget(slot)
  }
}
