import EventLoop
import HTTP
import TestSupport
import Testing

private func get(_ path: String, _ lines: String = "") -> String {
  "GET \(path) HTTP/1.1\r\n\(host)\(lines)\r\n"
}

private func post(_ path: String, _ body: String) -> String {
  "POST \(path) HTTP/1.1\r\n\(host)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

/// Requests and their answers on one connection, without a socket.
@Suite(.limited) struct ServerConnectionMachineTests {
  @Test func oneRequest() {
    var script = MachineScript()
    #expect(script.limit == .head && script.readiness == .readable)
    script.now = Instant(nanoseconds: 7)
    #expect(script.receive(get("/a")) == ["read", "GET /a", "flush"])
    #expect(script.requests.map(\.receivedAt) == [Instant(nanoseconds: 7)])
    #expect(script.endTurn() == ["write", "arm idle"])
    #expect(script.answers.map(\.body) == ["GET /a 0"])
    #expect(script.answers.first?.header("date") == "today")
    // The next answer's idle time counts anew.
    #expect(script.turn(get("/b")) == ["read", "GET /b", "flush", "write", "arm idle"])
  }

  // MARK: - Pieces

  @Test func partialHead() {
    var script = MachineScript()
    #expect(script.receive("GET /a HT") == ["read"])
    #expect(script.limit == .head)
    #expect(script.turn("TP/1.1\r\n\(host)\r\nGET /b") == ["read", "GET /a", "flush", "write", "arm head"])
    #expect(script.turn(" HTTP/1.1\r\n\(host)\r\n") == ["read", "GET /b", "flush", "write", "arm idle"])
    #expect(script.answers.map(\.body) == ["GET /a 0", "GET /b 0"])
  }

  // MARK: What is kept for all peers together

  /// Requests behind one that is under way, and answers that nobody takes.
  @Test func aboveTheBoundWhoWaitsWithMoreThanItsShareIsClosed() {
    let many = String(repeating: get("/x"), count: 100)
    for (bound, closes) in [(1_000, true), (1_000_000, false)] {
      var pipelining = MachineScript {
        $0.maxBufferedBytes = bound
        $0.maxShareBytes = 500
      }
      let words = pipelining.receive(post("/held1", "") + many)
      #expect((words.last == "close overShare") == closes, "\(words)")

      var deaf = MachineScript {
        $0.maxBufferedBytes = bound
        $0.maxShareBytes = 500
      }
      deaf.room = 0
      deaf.respond = { _ in HTTPResponse(status: 200, body: [UInt8](repeating: 0x78, count: 2_000)) }
      _ = deaf.turn(get("/a"))
      #expect(deaf.machine.isClosed == closes)
    }
  }

  /// Whatever others make the server keep, half a head and a short answer are waited with.
  @Test func aSmallShareIsKeptInAnyCase() {
    var script = MachineScript { $0.maxBufferedBytes = 0 }
    _ = script.turn("GET /par")
    #expect(!script.machine.isClosed)
    script.room = 0
    _ = script.turn("tial HTTP/1.1\r\n\(host)\r\n")
    #expect(!script.machine.isClosed)
    script.room = .max
    _ = script.becomeWritable()
    #expect(script.answers.map(\.body) == ["GET /partial 0"])
  }

  @Test func partialBody() {
    var script = MachineScript()
    #expect(script.receive("POST /p HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nhe") == ["read", "arm body"])
    #expect(script.turn("llo" + get("/b")) == ["read", "POST /p", "flush", "GET /b", "write", "arm idle"])
    #expect(script.requests.first?.body == Array("hello".utf8))
  }

  /// In whatever pieces they come, in whatever order the answers are known and however little the socket takes, the same
  /// requests begin and the same answers leave in order.
  @Test(arguments: 0..<60 as Range<UInt64>)
  func piecesAndOrderDoNotMatter(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let paths = (0..<40).map { "/\(Bool.random(using: &random) ? "held" : "now")\($0)" }
    let text = paths.map { path -> String in
      switch Int.random(in: 0..<4, using: &random) {
      case 0: post(path, "body")
      case 1: "POST \(path) HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
      default: get(path)
      }
    }
    var rest = Array(text.joined().utf8)[...]
    var script = MachineScript {
      $0.maxPipelined = 4
      $0.maxUnsentBytes = 300
    }
    var steps = 0
    while script.requests.count < 40 || !script.isQuiet, steps < 100_000 {
      steps += 1
      script.room = Int.random(in: 0...200, using: &random)
      if script.readiness.contains(.readable), !rest.isEmpty {
        let piece = rest.prefix(Int.random(in: 1...120, using: &random))
        rest = rest.dropFirst(piece.count)
        _ = script.receive(String(decoding: piece, as: UTF8.self))
      }
      if let one = script.held.randomElement(using: &random) { _ = script.release(one.path) }
      _ = script.endTurn()
      if script.readiness.contains(.writable) { _ = script.becomeWritable() }
      #expect(script.held.count <= 4)
    }
    #expect(script.requests.map(\.path) == paths)
    let bodies = script.answers.map { $0.body.split(separator: " ")[1] }
    #expect(bodies.map(String.init) == paths)
  }

  // MARK: - Pipelining

  @Test func answersLeaveInTheOrderOfTheRequests() {
    var script = MachineScript()
    #expect(
      script.turn(get("/held1") + get("/2") + get("/held3") + get("/4"))
        == ["read", "GET /held1", "GET /2", "GET /held3", "GET /4"])
    #expect(script.limit == nil)
    #expect(script.release("/held3") == [])
    #expect(script.release("/held1") == ["flush"])
    #expect(script.endTurn() == ["write", "arm idle"])
    #expect(script.answers.map(\.body) == ["late /held1", "GET /2 0", "late /held3", "GET /4 0"])
  }

  /// A request that changes something is neither begun beside another nor another beside it.
  @Test func unsafeRequestsAreAlone() {
    var script = MachineScript()
    #expect(script.receive(get("/held1") + post("/held2", "b") + get("/3")) == ["read", "GET /held1"])
    #expect(script.readiness == [])
    #expect(script.release("/held1") == ["flush"])
    #expect(script.endTurn() == ["write", "POST /held2"])
    #expect(script.readiness == [])
    #expect(script.release("/held2") == ["flush"])
    #expect(script.endTurn() == ["write", "GET /3", "flush"])
    #expect(script.endTurn() == ["write", "arm idle"])
    #expect(script.readiness == .readable)
    #expect(script.answers.map(\.body) == ["late /held1", "late /held2", "GET /3 0"])
  }

  @Test func pipeliningIsBounded() {
    var script = MachineScript { $0.maxPipelined = 2 }
    #expect(
      script.receive(get("/held1") + get("/held2") + get("/held3")) == ["read", "GET /held1", "GET /held2"])
    #expect(script.readiness == [])
    #expect(script.release("/held2") == [])
    #expect(script.release("/held1") == ["flush"])
    #expect(script.endTurn() == ["write", "GET /held3"])
    #expect(script.readiness == .readable)
  }

  // MARK: - 100-continue

  @Test func continuesWhereTheBodyIsAwaited() {
    var script = MachineScript()
    let head = "POST /p HTTP/1.1\r\n\(host)Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    #expect(script.turn(head) == ["read", "flush", "write", "arm body"])
    #expect(script.text == "HTTP/1.1 100 Continue\r\n\r\n")
    #expect(script.turn("ab") == ["read", "POST /p", "flush", "write", "arm idle"])
    // Where the body has begun to come, nobody waits for the permission.
    #expect(script.receive(head + "a") == ["read", "arm body"])
    #expect(script.turn("b") == ["read", "POST /p", "flush", "write", "arm idle"])
    #expect(script.text.ranges(of: "100 Continue").count == 1)
  }

  @Test func http10IsNotToldToContinue() {
    var script = MachineScript()
    let head = "POST /p HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    #expect(script.receive(head) == ["read", "arm body"])
  }

  // MARK: - Shapes of answers

  @Test func http10IsAnsweredAndClosed() {
    var script = MachineScript()
    let words = ["read", "GET /a", "flush", "write", "shut", "arm linger"]
    #expect(script.turn("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get("/b")) == words)
    #expect(script.answers.map { $0.header("connection") } == ["close"])
    #expect(script.peerEnds() == ["read", "close over"])
  }

  @Test func headIsGetWithoutItsBody() {
    var script = MachineScript()
    _ = script.turn("HEAD /a HTTP/1.1\r\n\(host)\r\n")
    #expect(script.requests.map(\.method) == [.get])
    #expect(script.text.hasSuffix("Content-Length: 8\r\n\r\n"))
  }

  @Test func theHandlersCloseEndsTheConnection() {
    var script = MachineScript()
    script.respond = { HTTPResponse(status: 200, close: $0.path == "/close") }
    let words = ["read", "GET /held1", "GET /close", "GET /held3"]
    #expect(script.receive(get("/held1") + get("/close") + get("/held3")) == words)
    #expect(script.release("/held1") == ["flush"])
    #expect(script.endTurn() == ["write", "shut", "arm linger"])
    #expect(script.answers.count == 2)
    // The answer to what came behind the last one is thrown away.
    #expect(script.release("/held3") == [])
    #expect(script.endTurn() == [])
  }

  // MARK: - Refusals

  @Test(arguments: [
    ("POST /p HTTP/1.1\r\n\(host)Content-Length: 65537\r\n\r\n", 413),
    ("POST /p HTTP/1.1\r\n\(host)Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n", 413),
    ("POST /p HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n10001\r\n", 413),
    (get("/", "Expect: 200-ok\r\n"), 417),
    ("bad\r\n\r\n", 400),
  ])
  func refusesAndLingers(_ text: String, _ status: Int) {
    var script = MachineScript()
    #expect(
      script.turn(text + get("/smuggled")) == [
        "read", "refuse \(status)", "flush", "write", "shut", "arm linger",
      ])
    #expect(script.answers.map(\.status) == [status])
    #expect(script.answers.first?.header("connection") == "close")
    #expect(script.requests.isEmpty)
  }

  @Test func aRefusalWaitsForTheAnswersBeforeIt() {
    var script = MachineScript()
    #expect(script.receive(get("/held") + "bad\r\n\r\n") == ["read", "GET /held", "refuse 400"])
    #expect(script.readiness == [] && script.limit == nil)
    #expect(script.release("/held") == ["flush"])
    #expect(script.endTurn() == ["write", "shut", "arm linger"])
    #expect(script.answers.map(\.status) == [200, 400])
  }

  @Test func aConnectionAboveTheLimitIsRefused() {
    var script = MachineScript()
    #expect(script.refuse(.tooManyConnections) == ["refuse 503", "flush"])
    #expect(script.endTurn() == ["write", "shut", "arm linger"])
  }
}
