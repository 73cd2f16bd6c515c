import EventLoop
import HTTP
import TestSupport

private let httpTokens = [
  "\r\n\r\n", "\r\n ", "\n", "\r", "?", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "Host: y\r\n",
  "Content-Length: 5\r\n", "Content-Length: 5, 5\r\n", "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n", "X-User-Id: u\r\n", "chunked", "GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
  "5\r\nhello\r\n",
  "0\r\n\r\n", ";x=y", "ffffffffffffffff", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
]

extension FuzzTarget {
  /// What a stranger sends to the server. The pieces in which it arrives change nothing; what is kept is bounded, and
  /// given back.
  static let httpRequests = FuzzTarget("http-requests", tokens: httpTokens, maximumLength: 2_048) {
    input, random in
    let keepsBodies = Bool.random(using: &random)
    let whole = try ServedConnection.serve([input[...]], keepsBodies: keepsBodies)
    let pieces = try ServedConnection.serve(input.pieces(&random), keepsBodies: keepsBodies)
    guard whole == pieces else { throw BrokenProperty("in one piece \(whole), in several \(pieces)") }
    return whole.contains { $0.hasPrefix("request") }
  }

  /// What a server answers to our client.
  static let httpAnswers = FuzzTarget("http-answers", tokens: httpTokens, maximumLength: 2_048) {
    input, random in
    let isHead = Int.random(in: 0..<8, using: &random) == 0
    let whole = try answer(in: [input[...]], isHead: isHead)
    let pieces = try answer(in: input.pieces(&random), isHead: isHead)
    guard whole == pieces else { throw BrokenProperty("in one piece \(whole), in several \(pieces)") }
    return whole.hasPrefix("done")
  }

  private static let maxBody = 64

  private static func answer(in pieces: [ArraySlice<UInt8>], isHead: Bool) throws -> String {
    let parser = HeadParser(.answer, limits: HTTPHeadLimits(startLineBytes: 200, headBytes: 400, headers: 8))
    var reader = AnswerReader(maxBodyBytes: maxBody, isHead: isHead)
    var waiting: [UInt8] = []
    for piece in pieces {
      waiting += piece
      // A copy of its own, so that a read behind the end is one behind an allocation.
      let (progress, consumed) = Array(waiting).withUnsafeBytes { reader.take($0, parser) }
      guard (0...waiting.count).contains(consumed) else { throw BrokenProperty("consumed \(consumed)") }
      switch progress {
      case .needsMore: waiting.removeFirst(consumed)
      case .bad: return "bad"
      case .done(let response, _):
        guard response.body.count <= maxBody else { throw BrokenProperty("a body of \(response.body.count)") }
        return "done \(response.status) \(response.headers.lines) \(response.body)"
      }
    }
    return reader.ended().map { "until the end: \($0.status) \($0.body)" } ?? "needs more"
  }
}

/// A connection of a server without a socket, and a handler that answers at once.
private struct ServedConnection {
  private let tools: ConnectionTools
  private var machine: ServerConnectionMachine
  private var isFlushPlanned = false
  private var seen: [String] = []

  private init(keepsBodies: Bool) {
    var configuration = HTTPServerConfiguration()
    configuration.head = HTTPHeadLimits(startLineBytes: 200, headBytes: 400, headers: 8)
    configuration.maxBodyBytes = 64
    configuration.maxPipelined = 3
    configuration.keepsBodies = keepsBodies
    tools = ConnectionTools(configuration)
    machine = ServerConnectionMachine(tools)
  }

  /// The requests and refusals, in order.
  static func serve(_ pieces: [ArraySlice<UInt8>], keepsBodies: Bool) throws -> [String] {
    var connection = ServedConnection(keepsBodies: keepsBodies)
    return try connection.serve(pieces)
  }

  private mutating func serve(_ pieces: [ArraySlice<UInt8>]) throws -> [String] {
    run(machine.start(), [])
    for piece in pieces where !machine.isClosed {
      run(machine.readable(), piece)
      endTurns()
      // A head and a body at most, in buffers that double, and the answers that have left.
      guard tools.bufferedBytes < 65_536 else {
        throw BrokenProperty("\(tools.bufferedBytes) bytes are kept")
      }
    }
    run(machine.cut(), [])
    // A spare buffer or two.
    guard tools.bufferedBytes < 65_536 else { throw BrokenProperty("\(tools.bufferedBytes) bytes stay") }
    return seen
  }

  private mutating func endTurns() {
    while isFlushPlanned {
      isFlushPlanned = false
      run(machine.turnEnded(at: Instant(nanoseconds: 1)), [])
    }
  }

  private mutating func run(_ first: ServerConnectionAction, _ piece: ArraySlice<UInt8>) {
    // Alive until the sequence of actions has ended.
    Array(piece).withUnsafeBytes { bytes in
      var action = first
      while true {
        switch action {
        case .dispatch(let request, let ticket):
          seen.append(
            "request \(request.method.name) \(request.path) \(request.headers.lines) \(request.body)")
          note(machine.answer(.text("ok"), ticket, date: []))
          action = machine.next()
        case .refuse(let refusal, let ticket):
          seen.append("refused \(refusal)")
          note(machine.answer(.refusal(refusal), ticket, date: []))
          action = machine.next()
        case .shutdownWriting: action = machine.next()
        case .read:
          action =
            bytes.isEmpty ? machine.foundNothing() : machine.received(bytes, at: Instant(nanoseconds: 1))
        case .write(let answer): action = machine.wrote(answer.count)
        case .flushAtTurnEnd, .wait, .close, .nothing: return note(action)
        }
      }
    }
  }

  private mutating func note(_ action: ServerConnectionAction) {
    if case .flushAtTurnEnd = action { isFlushPlanned = true }
  }
}
