import EventLoop
import Redis
import TestSupport
import Testing

/// The machine behind the client: no sockets, no clock. Callers are numbers.
@Suite(.limited) struct RedisSessionTests {
  @Test func theLoginMakesAConnectionReady() {
    var session = started()
    #expect(
      session.phase == .connecting && session.isLate(1) && session.trouble?.reason == "not connected yet")
    let wake = session.opened(now: at(0))
    #expect(wake == at(2_000))
    #expect(text(session.takeOutput()) == "*2 $4 AUTH $6 secret *1 $4 PING ")
    expectNothing(session.reply(.status("OK")))
    #expect(session.phase == .loggingIn)
    guard case .ready = session.reply(.status("PONG")) else { return fail("not ready") }
    #expect(session.phase == .ready && !session.isLate(1) && session.trouble == nil)
    #expect(session.statistics == RedisStatistics(inFlight: 0, connects: 1, timeouts: 0))
    let again = session.start()
    #expect(!again)
  }

  @Test(arguments: [
    (RedisReply.error("WRONGPASS no"), "the server refused AUTH: WRONGPASS"),
    (.error("LOADING data"), "the server refused AUTH: LOADING"),
    // A server without this command repeats the password.
    (
      .error("ERR unknown command 'AUTH', with args beginning with: 'secret' "),
      "the server refused AUTH: ERR (are the user and the password right, and does the server take any?)"
    ),
  ])
  func aRefusedLoginCuts(reply: RedisReply, reason: String) {
    var session = started()
    _ = session.opened(now: at(0))
    guard case .cut(reason) = session.reply(reply) else { return fail("not cut") }
  }

  /// A server repeats what it was asked where it does not know the command.
  @Test func whatAServerRepeatsIsCut() {
    let words = "ERR unknown command 'GETX', with args beginning with: 'secret' "
    #expect(RedisReply.error(words).errorMessage == "ERR unknown command 'GETX'")
    #expect(
      RedisReply.error("EXECABORT discarded because of: \(words)").errorMessage
        == "EXECABORT discarded because of: ERR unknown command 'GETX'")
  }

  @Test func aServerThatStillLoadsIsNotReady() {
    var session = started()
    _ = session.opened(now: at(0))
    expectNothing(session.reply(.status("OK")))
    guard case .cut("the server refused PING: LOADING data") = session.reply(.error("LOADING data")) else {
      return fail("not cut")
    }
    #expect(session.phase == .loggingIn)
  }

  // MARK: Replies

  @Test func repliesGoToTheirCallsInTheOrderOfWriting() {
    var session = ready()
    #expect(send(&session, 1, until: 500) == at(500))
    #expect(send(&session, 2, until: 600) == nil)
    #expect(send(&session, 3, until: 400) == at(400))
    #expect(text(session.takeOutput()) == String(repeating: "*2 $4 INCR $1 n ", count: 3))
    #expect(session.statistics.inFlight == 3)
    for number in 1...3 {
      #expect(
        told(session.reply(.integer(Int64(number)))) == Told(number, .success([.integer(Int64(number))])))
    }
    guard case .cut = session.reply(.integer(4)) else { return fail("nobody asked") }
  }

  /// MULTI, one command, EXEC: the replies and what the caller is told.
  @Test(
    arguments: [
      ([.status("OK"), .status("QUEUED"), .array([.integer(1)])], .success([.integer(1)])),
      (
        [.status("OK"), .status("QUEUED"), .array([.error("WRONGTYPE")])],
        .failure(.outcomeUnknown("WRONGTYPE"))
      ),
      ([.status("OK"), .status("QUEUED"), .null], .failure(.aborted("a watched key has changed"))),
      (
        [.status("OK"), .error("OOM full"), .error("EXECABORT discarded")],
        .failure(.aborted("OOM full"))
      ),
      (
        [.error("MOVED 1 other"), .error("MOVED 1 other"), .error("ERR EXEC without MULTI")],
        .failure(.aborted("MOVED 1 other"))
      ),
      // MULTI alone was refused: the command has run.
      (
        [.error("ERR no"), .integer(1), .error("ERR EXEC without MULTI")],
        .failure(.outcomeUnknown("ERR no"))
      ),
      // The server's own refusal of EXEC: nothing has run.
      ([.status("OK"), .status("QUEUED"), .error("MISCONF no")], .failure(.aborted("MISCONF no"))),
      // Of an error of something in between that is not known.
      (
        [.status("OK"), .status("QUEUED"), .error("ERR upstream failure")],
        .failure(.outcomeUnknown("ERR upstream failure"))
      ),
      (
        [.status("OK"), .status("QUEUED"), .error("EXECABORT Transaction discarded because of: NOPERM no")],
        .failure(.aborted("NOPERM no"))
      ),
      (
        [.status("OK"), .status("QUEUED"), .array([])],
        .failure(.outcomeUnknown("an unexpected reply to EXEC"))
      ),
    ] as [([RedisReply], Result<[RedisReply], RedisError>)])
  func whatATransactionMeans(replies: [RedisReply], outcome: Result<[RedisReply], RedisError>) {
    var session = ready()
    _ = session.send(.transaction, now: at(0), deadline: at(500), 7) { $0.command(["INCR", "n"]) }
    #expect(text(session.takeOutput()) == "*1 $5 MULTI *2 $4 INCR $1 n *1 $4 EXEC ")
    _ = send(&session, 8, until: 500)
    for reply in replies.dropLast() { expectNothing(session.reply(reply)) }
    #expect(told(session.reply(replies[replies.count - 1])) == Told(7, outcome))
    #expect(told(session.reply(.integer(2)))?.caller == 8)
  }

  @Test func anErrorToOneCommandIsTheServers() {
    var session = ready()
    _ = send(&session, 1, until: 500)
    #expect(told(session.reply(.error("WRONGTYPE no"))) == Told(1, .failure(.server("WRONGTYPE no"))))
    #expect(session.phase == .ready)
  }

  // MARK: Refusals

  @Test func whatCannotBeSentIsUnavailable() {
    var session = started(maxPending: 2)
    #expect(session.refusal(now: at(0), deadline: at(1)) == .unavailable("not connected yet"))
    logIn(&session)
    #expect(session.refusal(now: at(0), deadline: at(1)) == nil)
    #expect(session.refusal(now: at(1), deadline: at(1)) == .unavailable("the deadline has passed"))
    _ = send(&session, 1, until: 500)
    _ = session.hold(.command) { $0.command(["PING"]) }
    #expect(session.refusal(now: at(0), deadline: at(1)) == .unavailable("too many calls in flight"))
    _ = session.lost(1, "gone")
    #expect(session.refusal(now: at(0), deadline: at(1)) == .unavailable("gone"))
  }

  // MARK: Deadlines

  @Test func anOverdueCallIsToldOnceAndItsRepliesAreDropped() {
    var session = ready()
    for (caller, deadline) in [(1, 100), (2, 300), (3, 100)] { _ = send(&session, caller, until: deadline) }
    let overdue = session.expire(now: at(100), heard: at(50))
    #expect(overdue.callers == [1, 3] && overdue.next == at(300) && !overdue.cuts)
    #expect(session.statistics == RedisStatistics(inFlight: 3, connects: 1, timeouts: 2))
    expectNothing(session.reply(.integer(1)))
    #expect(told(session.reply(.integer(2)))?.caller == 2)
    expectNothing(session.reply(.integer(3)))
    let later = session.expire(now: at(300), heard: at(300))
    let loss = session.lost(1, "gone")
    #expect(later.callers.isEmpty && loss?.callers.isEmpty == true)
  }

  @Test func aServerThatHasSaidNothingSinceIsCut() {
    var session = ready()
    _ = session.send(.command, now: at(10), deadline: at(100), 1) { $0.command(["PING"]) }
    let overdue = session.expire(now: at(100), heard: at(9))
    #expect(overdue.callers == [1] && overdue.next == nil && overdue.cuts)
    // The next call has its own time.
    #expect(send(&session, 2, until: 900) == at(900))
  }

  // MARK: Loss

  @Test func aLostConnectionLeavesEveryCallUnknown() {
    var session = ready()
    for caller in 1...2 { _ = send(&session, caller, until: 500) }
    _ = session.reply(.integer(1))
    let loss = session.lost(1, "reset by peer")
    #expect(loss?.callers == [2] && loss?.error == .outcomeUnknown("reset by peer"))
    #expect(loss?.pause == .milliseconds(20))
    #expect(session.phase == .pausing && session.trouble == RedisTrouble(.unreachable, "reset by peer"))
    let (output, again) = (session.takeOutput(), session.lost(1, "again"))
    #expect(output.isEmpty && session.statistics.inFlight == 0 && again == nil)
  }

  @Test func thePauseGrowsUntilALoginAndEachFailureTriesTheNextAddress() {
    var session = started()
    for (attempt, pause) in [20, 100, 500, 500].enumerated() {
      #expect(session.address(of: 3) == attempt % 3)
      let loss = session.lost(attempt + 1, "refused")
      #expect(loss?.pause == .milliseconds(pause))
      // An older pause, this one, this one again.
      let retries = [0, 1, 1].map { session.retry(after: attempt + $0) }
      #expect(retries == [false, true, false])
    }
    logIn(&session)
    #expect(session.address(of: 3) == 1)
    let loss = session.lost(5, "gone")
    #expect(loss?.pause == .milliseconds(20))
    #expect(session.address(of: 3) == 1, "the address was right")
  }

  @Test func whatBelongsToAnOlderAttemptIsIgnored() {
    var session = started()
    _ = session.lost(1, "refused")
    #expect(!session.isCurrent(1) && !session.isLate(1))
    let retries = session.retry(after: 1)
    #expect(retries)
    #expect(session.isCurrent(2) && !session.isCurrent(1))
    let late = session.lost(1, "late")
    #expect(late == nil && session.phase == .connecting)
  }

  @Test func stoppedItTriesNothingUntilItIsStartedAgain() {
    var session = ready()
    _ = send(&session, 1, until: 500)
    let loss = session.stop("closed")
    #expect(loss.callers == [1] && loss.pause == nil)
    #expect(session.phase == .stopped && !session.isCurrent(1))
    let (retries, again) = (session.retry(after: 1), session.lost(1, "closed"))
    #expect(!retries && again == nil && session.phase == .stopped)
    let starts = session.start()
    #expect(starts && session.attempt == 2 && session.phase == .connecting)
  }

  // MARK: Permits

  @Test(
    arguments: [
      (.refused("no"), 50, .unavailable("no"), false),
      (.silent, 100, .outcomeUnknown("no answer before the deadline"), true),
      (.proceed, 100, .outcomeUnknown("no answer before the deadline"), false),
    ] as [(CallPermit, Int, RedisError, Bool)])
  func whatIsNotLetThroughIsNotWritten(permit: CallPermit, now: Int, error: RedisError, cuts: Bool) {
    var session = ready()
    let release = release(&session, permit, now: now)
    guard case .tell(error, cuts) = release else { return fail("\(release)") }
    let output = session.takeOutput()
    #expect(output.isEmpty && session.statistics.inFlight == 0)
    #expect(session.statistics.timeouts == (permit == .refused("no") ? 0 : 1))
  }

  @Test func whatIsLetThroughIsWrittenAndItsAnswerMayBeLost() {
    var session = ready()
    for permit in [CallPermit.proceed, .proceedUnanswered] {
      guard case .sent = release(&session, permit, now: 50) else { return fail("not sent") }
    }
    #expect(text(session.takeOutput()) == "*2 $4 INCR $1 n *2 $4 INCR $1 n ")
    #expect(told(session.reply(.integer(1))) == Told(9, .success([.integer(1)])))
    let lost = RedisError.outcomeUnknown("the answer was lost by a fault switch")
    #expect(told(session.reply(.integer(2))) == Told(9, .failure(lost)))
  }

  @Test func whatIsLetThroughAfterTheConnectionWasLostIsUnknown() {
    var session = ready()
    let held = session.hold(.command) { $0.command(["INCR", "n"]) }
    _ = session.lost(1, "gone")
    let release = session.release(
      held, .proceed, asked: at(0), now: at(50), deadline: at(100), heard: nil, 9)
    guard case .tell(.outcomeUnknown("gone"), cuts: false) = release else { return fail("\(release)") }
  }
}

private typealias Session = RedisSession<Int>

private struct Told: Equatable {
  let caller: Int
  let outcome: Result<[RedisReply], RedisError>
  init(_ caller: Int, _ outcome: Result<[RedisReply], RedisError>) {
    (self.caller, self.outcome) = (caller, outcome)
  }
}

private func at(_ milliseconds: Int) -> Instant {
  Instant(nanoseconds: 1_000_000_000) + .milliseconds(milliseconds)
}

private func started(maxPending: Int = 100) -> Session {
  var session = Session(
    login: [.required(["AUTH", "secret"]), .ping], maxPending: maxPending, loginTimeout: .seconds(2))
  let starts = session.start()
  #expect(starts)
  return session
}

private func logIn(_ session: inout Session) {
  _ = session.opened(now: at(0))
  _ = session.takeOutput()
  for reply in ["OK", "PONG"] { _ = session.reply(.status(reply)) }
  _ = session.expire(now: at(0), heard: at(0))
}

private func ready() -> Session {
  var session = started()
  logIn(&session)
  #expect(session.phase == .ready)
  return session
}

private func send(_ session: inout Session, _ caller: Int, until deadline: Int) -> Instant? {
  session.send(.command, now: at(0), deadline: at(deadline), caller) { $0.command(["INCR", "n"]) }
}

private func release(_ session: inout Session, _ permit: CallPermit, now: Int) -> Session.Release {
  let held = session.hold(.command) { $0.command(["INCR", "n"]) }
  return session.release(
    held, permit, asked: at(10), now: at(now), deadline: at(100), heard: at(9), 9)
}

private func told(_ step: Session.ReplyStep) -> Told? {
  if case .tell(let caller, let outcome) = step { Told(caller, outcome) } else { nil }
}

private func expectNothing(_ step: Session.ReplyStep) {
  guard case .nothing = step else { return fail("\(step)") }
}

private func fail(_ message: String) { Issue.record(Comment(rawValue: message)) }

/// The line ends as spaces.
private func text(_ bytes: [UInt8]) -> String {
  String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: " ")
}
