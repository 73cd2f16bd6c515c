import EventLoop
import Redis
import TestSupport

extension FuzzTarget {
  /// What a Redis server sends: to hiredis, then to the machine behind the client. Each call gets one outcome at most.
  static let redisReplies = FuzzTarget(
    "redis-replies",
    tokens: [
      "+OK\r\n", "+QUEUED\r\n", "+PONG\r\n", ":1\r\n", ":-1\r\n", "$-1\r\n", "*-1\r\n", "*2\r\n", "*0\r\n",
      "$3\r\nabc\r\n",
      "-ERR x\r\n", "-EXECABORT x\r\n", "-MOVED 1 127.0.0.1:1\r\n", "-READONLY x\r\n", "$9999999999\r\n",
      "*9999999999\r\n", "*1\r\n*1\r\n*1\r\n", "%1\r\n", "~1\r\n", ",1.5\r\n", "#t\r\n", "_\r\n",
      "(12345\r\n", "=3\r\n", "-ASK 1 ::1:1\r\n", "-MOVED 16383 ?:65535\r\n", "-TRYAGAIN x\r\n",
      "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\nh\r\n:1\r\n",
    ], maximumLength: 1_024
  ) { input, random in
    let whole = RedisReplyReader.read([input])
    let pieces = RedisReplyReader.read(input.pieces(&random).map { Array($0) })
    guard whole.replies == pieces.replies, whole.isBroken == pieces.isBroken else {
      throw BrokenProperty("in one piece \(whole), in several \(pieces)")
    }
    try answerCalls(with: whole.replies)
    try answerCluster(with: whole.replies)
    return !whole.isBroken && !whole.replies.isEmpty
  }

  /// The same replies to a cluster's client: as maps, and as redirections.
  private static func answerCluster(with replies: [RedisReply]) throws {
    let (now, node) = (Instant(nanoseconds: 0), RedisAddress("h", 1))
    var machine = ClusterMachine()
    var route = RedisRoute(slot: 1)
    var sent = 0
    for reply in replies {
      if let map = SlotMap(reply, from: node) { machine.adopt(map) }
      guard let message = reply.errorMessage else { continue }
      let step = machine.answer(
        &route, .aborted(message), from: node, now: now, deadline: now + .seconds(1))
      if case .send = step { sent += 1 }
    }
    guard sent <= ClusterMachine.redirectsAtMost,
      machine.serving.isEmpty == (machine.unserved == KeySlot.count)
    else { throw BrokenProperty("sent on \(sent) times, \(machine.unserved) slots without a node") }
    for address in machine.serving where machine.tag(for: address, last: nil) == nil {
      throw BrokenProperty("no key is in a slot of \(address)")
    }
  }

  private static func session(_ login: [RedisLoginStep]) -> RedisSession<Int> {
    var session = RedisSession<Int>(login: login, maxPending: 16, loginTimeout: .seconds(2))
    _ = session.start()
    _ = session.opened(now: Instant(nanoseconds: 0))
    return session
  }

  /// The same replies to a login, then to calls of a client that is logged in.
  private static func answerCalls(with replies: [RedisReply]) throws {
    var loggingIn = session([.required(["AUTH", "secret"]), .hello(isNode: false), .ping])
    for reply in replies { if case .cut = loggingIn.reply(reply) { break } }
    var session = session([.ping])
    _ = session.reply(.status("PONG"))
    for caller in 0..<4 {
      let kind: RedisCallKind = caller % 2 == 0 ? .transaction : .command
      _ = session.send(kind, now: Instant(nanoseconds: 0), deadline: Instant(nanoseconds: 9), caller) {
        $0.command(["SCARD", "k"])
      }
    }
    var told: Set<Int> = []
    for reply in replies {
      switch session.reply(reply) {
      case .nothing, .ready: break
      case .cut: return
      case .tell(let caller, _):
        guard told.insert(caller).inserted else { throw BrokenProperty("call \(caller) is answered twice") }
      }
    }
  }
}
