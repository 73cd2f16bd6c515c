import EventLoop
import HTTP

/// Drives a connection's machine as its owner does, with a peer and a handler made of values, and reports each action in
/// words.
struct MachineScript {
  /// What the next read finds.
  enum Incoming { case bytes(String), nothing, end, failure }

  private(set) var machine: ServerConnectionMachine
  /// What lies in the socket when the machine asks for a read.
  var incoming = Incoming.nothing
  /// How many bytes the socket takes at a write; nil: the write fails.
  var room: Int? = Int.max
  var now = Instant(nanoseconds: 1_000)
  /// Requests given to the handler; those whose path begins with `/held` wait in `held`.
  private(set) var requests: [HTTPRequest] = []
  private(set) var held: [(path: String, ticket: AnswerTicket)] = []
  private(set) var sent: [UInt8] = []
  /// What the present deadline is for, and what the socket is watched for.
  private(set) var limit: TimeLimit?
  private(set) var readiness = Readiness()
  private(set) var isFlushPlanned = false
  /// What was read in this sequence of actions; it is overwritten at the sequence's end.
  private var buffer: UnsafeMutableRawBufferPointer?
  /// The handler's answer.
  var respond: (HTTPRequest) -> HTTPResponse = { .text("\($0.method.name) \($0.path) \($0.body.count)") }

  init(_ configure: (inout HTTPServerConfiguration) -> Void = { _ in }) {
    var configuration = HTTPServerConfiguration()
    configure(&configuration)
    machine = ServerConnectionMachine(ConnectionTools(configuration))
    _ = run(machine.start())
  }

  var answers: [Answer] { Answer.all(in: sent) }
  var text: String { String(decoding: sent, as: UTF8.self) }

  /// Whether all requests are answered and all answers have left.
  var isQuiet: Bool { held.isEmpty && !isFlushPlanned && !readiness.contains(.writable) }

  // MARK: - Events

  mutating func receive(_ text: String) -> [String] {
    incoming = .bytes(text)
    return run(machine.readable())
  }

  /// What arrives in one turn, and the turn's end.
  mutating func turn(_ text: String) -> [String] { receive(text) + endTurn() }

  mutating func peerEnds() -> [String] {
    incoming = .end
    return run(machine.readable())
  }

  mutating func peerResets() -> [String] {
    incoming = .failure
    return run(machine.readable())
  }

  mutating func endTurn() -> [String] {
    guard isFlushPlanned else { return [] }
    isFlushPlanned = false
    return run(machine.turnEnded(at: now))
  }

  mutating func becomeWritable() -> [String] { run(machine.writable(at: now)) }
  mutating func passDeadline() -> [String] {
    limit = nil
    return run(machine.deadlinePassed())
  }
  mutating func drain() -> [String] { run(machine.drain()) }
  mutating func cut() -> [String] { run(machine.cut()) }
  mutating func refuse(_ refusal: HTTPRefusal) -> [String] { run(machine.refuse(refusal)) }
  mutating func reportAgain() -> [String] { run(machine.reportedAgain()) }
  mutating func turnComes(_ text: String) -> [String] {
    incoming = .bytes(text)
    return run(machine.turnCame())
  }
  mutating func turnFindsNothing() -> [String] { run(machine.turnCame()) }
  mutating func putOff() { machine.putOff(at: now) }

  /// The handler answers the held request of that path.
  mutating func release(_ path: String) -> [String] {
    guard let index = held.firstIndex(where: { $0.path == path }) else { return ["not held"] }
    let request = held.remove(at: index)
    return run(answer(.text("late \(path)"), request.ticket))
  }

  mutating func answerTwice() {
    for _ in 0..<2 { for request in held { _ = run(answer(.text(""), request.ticket)) } }
  }

  // MARK: - Actions

  private mutating func answer(_ response: HTTPResponse, _ ticket: AnswerTicket) -> ServerConnectionAction {
    machine.answer(response, ticket, date: Array("Date: today\r\n".utf8))
  }

  private mutating func run(_ first: ServerConnectionAction) -> [String] {
    var action = first
    var words: [String] = []
    defer { dropBuffer() }
    while true {
      switch action {
      case .dispatch(let request, let ticket):
        words.append("\(request.method.name) \(request.path)")
        requests.append(request)
        if request.path.hasPrefix("/held") {
          held.append((request.path, ticket))
        } else {
          note(answer(respond(request), ticket), &words)
        }
        action = machine.next()
      case .refuse(let refusal, let ticket):
        words.append("refuse \(refusal.status)")
        note(answer(.refusal(refusal), ticket), &words)
        action = machine.next()
      case .shutdownWriting:
        words.append("shut")
        action = machine.next()
      case .read:
        words.append("read")
        action = read()
      case .write(let bytes):
        words.append("write")
        action = write(bytes)
      case .flushAtTurnEnd, .wait, .close, .nothing:
        note(action, &words)
        return words
      }
    }
  }

  /// Notes an action that ends a sequence.
  private mutating func note(_ action: ServerConnectionAction, _ words: inout [String]) {
    switch action {
    case .flushAtTurnEnd:
      words.append("flush")
      isFlushPlanned = true
    case .wait(let readiness, let deadline):
      self.readiness = readiness
      switch deadline {
      case .keep: break
      case .disarm: limit = nil
      case .arm(let limit):
        self.limit = limit
        words.append("arm \(limit)")
      }
    case .close(let reason): words.append("close \(reason)")
    case .nothing: break
    case .dispatch, .refuse, .shutdownWriting, .read, .write: words.append("the sequence goes on")
    }
  }

  private mutating func read() -> ServerConnectionAction {
    defer { incoming = .nothing }
    switch incoming {
    case .bytes(let text):
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 1)
      bytes.copyBytes(from: text.utf8)
      buffer = bytes
      return machine.received(UnsafeRawBufferPointer(bytes), at: now)
    case .nothing: return machine.foundNothing()
    case .end: return machine.peerEnded()
    case .failure: return machine.failed()
    }
  }

  private mutating func dropBuffer() {
    buffer?.initializeMemory(as: UInt8.self, repeating: 0xff)
    buffer?.deallocate()
    buffer = nil
  }

  private mutating func write(_ bytes: UnsafeRawBufferPointer) -> ServerConnectionAction {
    guard let room else { return machine.failed() }
    let count = min(room, bytes.count)
    sent += bytes[..<count]
    return machine.wrote(count)
  }
}
