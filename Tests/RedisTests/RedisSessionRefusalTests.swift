import EventLoop
import Redis
import TestSupport
import Testing

/// What the machine makes of a server that answers, and refuses.
@Suite(.limited) struct RedisSessionRefusalTests {
  /// What was sent together with the refused call keeps its answers; then the connection goes.
  @Test(
    arguments: [
      ("READONLY no", .replica), ("MASTERDOWN no", .replica), ("LOADING no", .loading),
      ("MISCONF no", .refused),
      ("NOAUTH no", .loginRefused), ("NOPERM no", .forbidden), ("MOVED 1 other", .node),
      ("ERR unknown command", .refused), ("NOREPLICAS no", .refused),
    ] as [(String, RedisTrouble.Kind)])
  func aRefusedTransactionDrainsTheConnection(message: String, kind: RedisTrouble.Kind) {
    var session = ready()
    for caller in 1...3 { transaction(&session, caller) }
    expectNothing(replies(&session, "OK", error: message))
    #expect(told(session.reply(.error("EXECABORT discarded"))) == .failure(.aborted(message)))
    #expect(session.phase == .draining && session.trouble == RedisTrouble(kind, message) && session.hasNews)
    #expect(session.takeNews() == nil, "two calls are still to be answered")
    #expect(session.refusal(now: at(0), deadline: at(1)) == .unavailable(message))
    #expect(!session.isLate(1), "a connection that was ready is not late")
    _ = replies(&session, "OK", error: message)
    #expect(told(session.reply(.error("EXECABORT discarded"))) == .failure(.aborted(message)))
    #expect(!session.hasNews)
    for reply in ["OK", "QUEUED"] { expectNothing(session.reply(.status(reply))) }
    #expect(told(session.reply(.array([.integer(1)]))) == .success([.integer(1)]))
    #expect(session.hasNews && session.takeNews() == message)
    let loss = session.lost(1, message)
    #expect(loss?.pause == .milliseconds(20) && loss?.callers.isEmpty == true)
    #expect(session.trouble?.kind == kind, "the reason outlives the connection")
    #expect(session.address(of: 2) == 0, "the name is looked up anew first")
  }

  @Test func whoWaitsInVainWhileItDrainsEndsIt() {
    var session = ready()
    for caller in 1...2 { transaction(&session, caller) }
    _ = replies(&session, "OK", error: "READONLY no")
    _ = session.reply(.error("EXECABORT discarded"))
    let overdue = session.expire(now: at(500), heard: at(400))
    #expect(overdue.callers == [2] && overdue.cuts)
  }

  /// Memory comes back, and a script ends: single commands are served until then.
  @Test(arguments: ["OOM no", "BUSY no", "CLUSTERDOWN no"])
  func aServerThatOnlyRefusesForNowKeepsItsConnection(message: String) {
    var session = ready()
    transaction(&session, 1)
    _ = replies(&session, "OK", error: message)
    _ = session.reply(.error("EXECABORT discarded"))
    #expect(session.phase == .ready && session.trouble?.reason == message)
    #expect(session.takeNews() == nil)
    #expect(session.refusal(now: at(0), deadline: at(1)) == nil)
    command(&session, 2)
    _ = session.reply(.integer(1))
    #expect(session.trouble != nil, "a command is no transaction")
    transaction(&session, 3)
    for reply in ["OK", "QUEUED"] { _ = session.reply(.status(reply)) }
    _ = session.reply(.array([.integer(1)]))
    #expect(session.trouble == nil && session.hasNews)
  }

  /// What concerns the call alone.
  @Test func aWrongKeyOrAWatchedOneIsNoRefusal() {
    var session = ready()
    for exec in [RedisReply.null, .array([.error("WRONGTYPE no")])] {
      transaction(&session, 1)
      for reply in ["OK", "QUEUED"] { _ = session.reply(.status(reply)) }
      _ = session.reply(exec)
      #expect(session.phase == .ready && session.trouble == nil)
    }
    for message in ["NOPERM no expireat", "NOSCRIPT no", "ERR unknown command"] {
      command(&session, 2)
      _ = session.reply(.error(message))
      #expect(session.phase == .ready && session.trouble == nil)
    }
    command(&session, 3)
    _ = session.reply(.error("READONLY no"))
    #expect(session.phase == .draining)
  }

  /// A server that passes the login and then refuses is not logged into ever faster.
  @Test func thePausesGrowUntilACallSucceeds() {
    var session = ready()
    for (attempt, pause) in [20, 100, 500, 500].enumerated() {
      if attempt > 0 { logIn(&session) }
      command(&session, 1)
      _ = session.reply(.error("MISCONF no"))
      let loss = session.lost(attempt + 1, "refused")
      #expect(loss?.pause == .milliseconds(pause))
      let retries = session.retry(after: attempt + 1)
      #expect(retries)
    }
    logIn(&session)
    command(&session, 1)
    _ = session.reply(.integer(1))
    let loss = session.lost(5, "gone")
    #expect(loss?.pause == .milliseconds(20))
  }

  @Test func aTrialTellsOfARefusalWithoutACaller() {
    var session = started(trial: [["SADD", "t", "x"]])
    _ = session.opened(now: at(0))
    #expect(session.hasTrial)
    for reply in ["OK", "OK", "QUEUED"] { _ = session.reply(.status(reply)) }
    guard case .ready = session.reply(.array([.integer(1)])) else { return fail("not ready") }
    #expect(session.trouble == nil)
    let wake = session.tryAgain(now: at(1_000), deadline: at(3_000))
    #expect(wake == nil, "the login's deadline is earlier")
    _ = replies(&session, "OK", error: "READONLY no")
    expectNothing(session.reply(.error("EXECABORT discarded")))
    #expect(session.trouble?.kind == .replica && session.takeNews() == "READONLY no")
  }

  /// Without memory the login is complete: what must be taken back can be.
  @Test func aLoginWithoutMemoryIsCompleteAndInTrouble() {
    var session = started(trial: [["SADD", "t", "x"]])
    _ = session.opened(now: at(0))
    _ = session.reply(.status("OK"))
    _ = replies(&session, "OK", error: "OOM no")
    guard case .ready = session.reply(.error("EXECABORT discarded")) else { return fail("not ready") }
    #expect(session.phase == .ready && session.trouble?.kind == .outOfMemory)
  }

  @Test(
    arguments: [
      (["server", "redis", "mode", "cluster", "role", "master"], .node),
      (["mode", "standalone", "role", "replica"], .replica), (["mode", "sentinel"], .refused),
      (["mode", "standalone", "role", "master"], nil), ([], nil),
    ] as [([String], RedisTrouble.Kind?)])
  func whatAServerSaysOfItself(fields: [String], kind: RedisTrouble.Kind?) {
    var session = Session(login: [.hello(isNode: false)], maxPending: 1, loginTimeout: .seconds(2))
    _ = session.start()
    _ = session.opened(now: at(0))
    let step = session.reply(.array(fields.map { .string(Array($0.utf8)) }))
    if let kind {
      guard case .cut = step else { return fail("not cut") }
      _ = session.lost(1, "closed")
      #expect(session.trouble?.kind == kind)
    } else {
      guard case .ready = step else { return fail("not ready") }
    }
  }
}

private typealias Session = RedisSession<Int>

private func at(_ milliseconds: Int) -> Instant {
  Instant(nanoseconds: 1_000_000_000) + .milliseconds(milliseconds)
}

private func started(trial: [[String]] = []) -> Session {
  var session = Session(
    login: [.optional(["CLIENT"]), trial.isEmpty ? .ping : .trial(trial)], maxPending: 100,
    loginTimeout: .seconds(2))
  _ = session.start()
  return session
}

private func logIn(_ session: inout Session) {
  _ = session.opened(now: at(0))
  for reply in ["OK", "PONG"] { _ = session.reply(.status(reply)) }
  _ = session.expire(now: at(0), heard: at(0))
}

private func ready() -> Session {
  var session = started()
  logIn(&session)
  _ = session.takeNews()
  return session
}

private func transaction(_ session: inout Session, _ caller: Int) {
  _ = session.send(.transaction, now: at(0), deadline: at(500), caller) { $0.command(["INCR", "n"]) }
}

private func command(_ session: inout Session, _ caller: Int) {
  _ = session.send(.command, now: at(0), deadline: at(500), caller) { $0.command(["INCR", "n"]) }
}

/// A status to MULTI and an error to the command after it.
private func replies(_ session: inout Session, _ status: String, error: String) -> Session.ReplyStep {
  _ = session.reply(.status(status))
  return session.reply(.error(error))
}

private func told(_ step: Session.ReplyStep) -> Session.Outcome? {
  if case .tell(_, let outcome) = step { outcome } else { nil }
}

private func expectNothing(_ step: Session.ReplyStep) {
  guard case .nothing = step else { return fail("\(step)") }
}

private func fail(_ message: String) { Issue.record(Comment(rawValue: message)) }
