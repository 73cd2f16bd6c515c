import EventLoop
import HTTP
import TestSupport
import Testing

private let request = "GET /a HTTP/1.1\r\n\(host)\r\n"
private let held = "GET /held HTTP/1.1\r\n\(host)\r\n"
private let beginningOfBody = "POST /p HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nhel"

/// The states that a connection can be in between turns, and how each is reached.
enum ConnectionState: CaseIterable, Sendable {
  case fresh, partialHead, partialBody, inFlight, inFlightWithPartialHead, idle, unread, halfClosed, lingering

  var script: MachineScript {
    var script = MachineScript()
    switch self {
    case .fresh: break
    case .partialHead: _ = script.turn("GET /a HT")
    case .partialBody: _ = script.turn(beginningOfBody)
    case .inFlight: _ = script.turn(held)
    case .inFlightWithPartialHead: _ = script.turn(held + "GET /a HT")
    case .idle: _ = script.turn(request)
    case .unread:
      script.room = 10
      _ = script.turn(request)
    case .halfClosed:
      _ = script.turn(held)
      _ = script.peerEnds()
    case .lingering: _ = script.turn("bad\r\n\r\n")
    }
    return script
  }

  /// What the connection's deadline is for, and what happens when it passes.
  var deadline: (limit: TimeLimit?, words: [String]) {
    switch self {
    case .fresh: (.head, ["close idle"])
    case .partialHead: (.head, ["refuse 408", "flush"])
    case .partialBody: (.body, ["refuse 408", "flush"])
    case .inFlight, .inFlightWithPartialHead, .halfClosed: (nil, [])
    case .idle: (.idle, ["close idle"])
    case .unread: (.write, ["close unread"])
    case .lingering: (.linger, ["close over"])
    }
  }

  /// What happens at once when the server drains and the peer has sent nothing more.
  var drain: [String] {
    switch self {
    case .fresh, .idle: ["read", "close over"]
    default: []
    }
  }

  /// What happens when the peer ends its side.
  var peerEnd: [String] {
    switch self {
    case .fresh, .partialHead, .partialBody, .idle, .lingering: ["read", "close over"]
    case .inFlight, .inFlightWithPartialHead, .unread: ["read"]
    case .halfClosed: []
    }
  }
}

/// How a connection ends, in every state, without a socket.
@Suite(.limited) struct ServerConnectionEndTests {
  @Test(arguments: ConnectionState.allCases)
  func deadlinePasses(_ state: ConnectionState) {
    var script = state.script
    let (limit, words) = state.deadline
    #expect(script.limit == limit)
    #expect(script.passDeadline() == words)
    guard words.last == "flush" else { return }
    #expect(script.endTurn() == ["write", "shut", "arm linger"])
    #expect(script.answers.last?.status == 408)
  }

  @Test(arguments: ConnectionState.allCases)
  func drains(_ state: ConnectionState) {
    var script = state.script
    #expect(script.drain() == state.drain)
  }

  @Test(arguments: ConnectionState.allCases)
  func peerEnds(_ state: ConnectionState) {
    var script = state.script
    #expect(script.peerEnds() == state.peerEnd)
  }

  @Test(arguments: ConnectionState.allCases)
  func isCut(_ state: ConnectionState) {
    var script = state.script
    let sent = script.sent
    #expect(script.cut() == ["close over"])
    #expect(script.machine.isClosed)
    #expect(script.cut() == [])
    // What is still under way in the server changes nothing.
    if !script.held.isEmpty { #expect(script.release("/held") == []) }
    #expect(script.becomeWritable() == [])
    #expect(script.turnComes(request) == [])
    #expect(script.sent == sent)
  }

  // MARK: - Draining

  @Test func whatHasArrivedByTheDrainIsAnswered() {
    var script = ConnectionState.idle.script
    script.incoming = .bytes(request)
    #expect(script.drain() == ["read", "GET /a", "flush"])
    #expect(script.endTurn() == ["write", "shut", "arm linger"])
    #expect(script.answers.map { $0.header("connection") } == [nil, "close"])
  }

  @Test(arguments: [(ConnectionState.partialHead, "TP/1.1\r\n\(host)\r\n"), (.partialBody, "lo")])
  func aRequestThatHasBegunIsAnsweredWhileDraining(_ state: ConnectionState, _ rest: String) {
    var script = state.script
    _ = script.drain()
    #expect(script.turn(rest).suffix(4) == ["flush", "write", "shut", "arm linger"])
    #expect(script.answers.map { $0.header("connection") } == ["close"])
  }

  @Test func nothingBeginsBesideARequestWhileDraining() {
    var script = ConnectionState.inFlight.script
    _ = script.drain()
    #expect(script.receive(request) == ["read"])
    #expect(script.release("/held") == ["flush"])
    #expect(script.endTurn() == ["write", "shut", "arm linger"])
    #expect(script.answers.map { $0.header("connection") } == ["close"])
    #expect(script.requests.count == 1)
  }

  @Test func anUnreadAnswerLeavesBeforeADrainedConnectionEnds() {
    var script = ConnectionState.unread.script
    _ = script.drain()
    script.room = Int.max
    #expect(script.becomeWritable() == ["write", "shut", "arm linger"])
    #expect(script.answers.count == 1)
  }

  // MARK: - A peer that has gone, or has ended its side

  @Test func aHalfClosedConnectionIsAnsweredAndClosed() {
    var script = MachineScript()
    _ = script.turn("GET /held1 HTTP/1.1\r\n\(host)\r\nGET /held2 HTTP/1.1\r\n\(host)\r\n")
    #expect(script.peerEnds() == ["read"])
    #expect(script.readiness == [])
    #expect(script.release("/held2") == [])
    #expect(script.release("/held1") == ["flush"])
    #expect(script.endTurn() == ["write", "close over"])
    #expect(script.answers.map(\.body) == ["late /held1", "late /held2"])
  }

  @Test(arguments: [ConnectionState.fresh, .partialHead, .partialBody, .inFlight, .idle, .unread, .lingering])
  func aResetClosesAtOnce(_ state: ConnectionState) {
    var script = state.script
    #expect(script.peerResets() == ["read", "close over"])
    if !script.held.isEmpty { #expect(script.release("/held") == []) }
  }

  @Test func aFailedWriteClosesAtOnce() {
    var script = MachineScript()
    _ = script.receive(request)
    script.room = nil
    #expect(script.endTurn() == ["write", "close over"])
  }

  /// The flush that was planned before the connection was closed finds nothing to do.
  @Test func aPlannedFlushAfterTheEndDoesNothing() {
    var script = MachineScript()
    _ = script.receive(request)
    _ = script.cut()
    #expect(script.endTurn() == [])
  }

  @Test func whatIsThrownAwayIsBounded() {
    var script = MachineScript { $0.maxLingerBytes = 10 }
    _ = script.turn("bad\r\n\r\n")
    #expect(script.receive("0123456789") == ["read"])
    #expect(script.receive("x") == ["read", "close over"])
  }

  // MARK: - A peer that does not read

  @Test func anAnswerLeavesAsTheSocketTakesIt() {
    var script = MachineScript()
    script.room = 10
    #expect(script.turn(request) == ["read", "GET /a", "flush", "write", "arm write"])
    #expect(script.readiness == [.readable, .writable])
    // Each byte taken prolongs the time limit; none does not.
    #expect(script.becomeWritable() == ["write", "arm write"])
    script.room = 0
    #expect(script.becomeWritable() == ["write"])
    script.room = Int.max
    #expect(script.becomeWritable() == ["write", "arm idle"])
    #expect(script.readiness == .readable)
    #expect(script.answers.map(\.body) == ["GET /a 0"])
    // What is reported once more is not written twice.
    #expect(script.becomeWritable() == [])
  }

  @Test func nothingBeginsWhileTooMuchIsUnread() {
    var script = MachineScript { $0.maxUnsentBytes = 50 }
    script.room = 0
    #expect(script.turn(request + request) == ["read", "GET /a", "flush", "write", "arm write"])
    #expect(script.readiness == .writable)
    script.room = Int.max
    #expect(script.becomeWritable() == ["write", "GET /a", "flush"])
    #expect(script.endTurn() == ["write", "arm idle"])
    #expect(script.readiness == .readable)
    #expect(script.answers.count == 2)
  }

  // MARK: - Fair turns

  @Test func aReadThatIsPutOffKeepsItsFirstMoment() {
    var script = MachineScript()
    script.putOff()
    script.now = Instant(nanoseconds: 2_000)
    #expect(script.turnComes(request) == ["read", "GET /a", "flush"])
    #expect(script.requests.map(\.receivedAt) == [Instant(nanoseconds: 1_000)])
    #expect(script.endTurn() == ["write", "arm idle"])
    _ = script.turn(request)
    #expect(script.requests.last?.receivedAt == Instant(nanoseconds: 2_000))
  }

  /// The loop reports a waiting socket at every turn; from the third report on it is not watched.
  @Test func aLongPutOffReadIsNotWatched() {
    var script = MachineScript()
    script.putOff()
    for expected in [Readiness.readable, .readable, []] {
      #expect(script.reportAgain() == [])
      #expect(script.readiness == expected)
    }
    #expect(script.turnComes(request + "GET") == ["read", "GET /a", "flush"])
    #expect(script.endTurn() == ["write", "arm head"])
    #expect(script.readiness == .readable)
  }

  @Test func aPutOffReadThatFindsNothingIsWatchedAgain() {
    var script = MachineScript()
    script.putOff()
    for _ in 0..<3 { _ = script.reportAgain() }
    #expect(script.turnFindsNothing() == ["read"])
    #expect(script.readiness == .readable && !script.machine.isPutOff)
  }

  // MARK: - What cannot happen

  @Test func impossibleEventsTrap() async {
    await #expect(processExitsWith: .failure) {
      let tools = ConnectionTools(HTTPServerConfiguration())
      var machine = ServerConnectionMachine(tools)
      _ = machine.wrote(1)
    }
    await #expect(processExitsWith: .failure) {
      var machine = ServerConnectionMachine(ConnectionTools(HTTPServerConfiguration()))
      _ = machine.foundNothing()
    }
    await #expect(processExitsWith: .failure) {
      var script = MachineScript()
      _ = script.turn(held)
      script.answerTwice()
    }
  }
}
