import EventLoop
import Faults
import Operations
import TestSupport
import Testing

@Suite(.limited) struct SwitchedServerTests {
  @Test func isClearWhileNothingIsOn() async throws {
    try await withServer(.redis) { board, server in
      #expect(server.isClear)
      #expect(await server.permit(.call, deadline: .now) == .proceed)
      board.set(.redis, try FaultSpec(kind: .outage, ttlSeconds: 60), now: .now)
      #expect(!server.isClear)
      #expect(!SwitchedServer(board, .redis).isClear && SwitchedServer(board, .kafka).isClear)
      board.clear(.redis)
      #expect(server.isClear)
    }
  }

  @Test(arguments: FaultTarget.servers)
  func anOutageRefusesAtOnceAndCutsWhatExists(target: FaultTarget) async throws {
    try await withServer(target) { board, server in
      let (old, new) = (Connection(), Connection())
      server.opened(old)
      board.set(target, try FaultSpec(kind: .outage, ttlSeconds: 60), now: .now)
      server.opened(new)
      #expect(old.cuts == 1 && new.cuts == 0)
      for use in [ServerUse.connect, .call] {
        #expect(now(server, use) == .refused("refused by a fault switch"))
      }
    }
  }

  @Test(arguments: [ServerUse.connect, .call])
  func aHungDatabaseGoesOnWhenItHeals(use: ServerUse) async throws {
    try await withServer(.database) { board, server in
      board.set(.database, try FaultSpec(kind: .hang, ttlSeconds: 60), now: .now)
      let late = ask(server, use, deadline: .now + .milliseconds(20))
      #expect(try await late.value(deadline: .now + .seconds(20)) == .silent)
      let patient = [1, 2].map { _ in ask(server, use, deadline: .now + .seconds(60)) }
      // Another hang takes its place.
      board.set(.database, try FaultSpec(kind: .hang, ttlSeconds: 60), now: .now)
      #expect(!patient[0].isDone)
      board.clear(.database)
      for answer in patient {
        try #require(answer.isDone)
        #expect(try await answer.value() == .proceed)
      }
    }
  }

  @Test(arguments: [ServerUse.connect, .call])
  func aHungRedisIsSilentAlsoWhereItHeals(use: ServerUse) async throws {
    try await withServer(.redis) { board, server in
      board.set(.redis, try FaultSpec(kind: .hang, ttlSeconds: 60), now: .now)
      let deadline = Instant.now + .milliseconds(30)
      let answer = ask(server, use, deadline: deadline)
      board.clear(.redis)
      #expect(!answer.isDone)
      #expect(try await answer.value(deadline: .now + .seconds(20)) == .silent)
      #expect(Instant.now >= deadline)
    }
  }

  @Test func whatIsSentToAHungKafkaIsUnanswered() async throws {
    try await withServer(.kafka) { board, server in
      board.set(.kafka, try FaultSpec(kind: .hang, ttlSeconds: 60), now: .now)
      #expect(now(server, .call) == .proceedUnanswered)
    }
  }

  @Test(arguments: FaultTarget.servers)
  func latencyIsLaterAndNeverAfterTheDeadline(target: FaultTarget) async throws {
    try await withServer(target) { board, server in
      board.set(target, try FaultSpec(kind: .latency, latencyMs: 30, ttlSeconds: 60), now: .now)
      let began = Instant.now
      for use in [ServerUse.connect, .call, .receive] {
        let answer = ask(server, use, deadline: began + .seconds(60))
        #expect(!answer.isDone)
        #expect(try await answer.value(deadline: .now + .seconds(20)) == .proceed)
      }
      #expect(Instant.now - began >= .milliseconds(90))
      board.set(target, try FaultSpec(kind: .latency, latencyMs: 60_000, ttlSeconds: 60), now: .now)
      let short = ask(server, .call, deadline: .now + .milliseconds(20))
      #expect(try await short.value(deadline: .now + .seconds(20)) == .proceed)
    }
  }

  @Test func aFlakyServerRefusesOrKeepsItsAnswer() async throws {
    try await withServer(.database) { board, server in
      board.set(.database, try FaultSpec(kind: .flaky, rate: 1, ttlSeconds: 60, seed: 5), now: .now)
      let calls = Set((0..<40).map { _ in now(server, .call) })
      #expect(calls == [.refused("refused by a fault switch"), .proceedUnanswered])
      let connects = Set((0..<40).map { _ in now(server, .connect) })
      #expect(
        connects == [
          .refused("refused by a fault switch"), .refused("the connection was lost by a fault switch"),
        ])
    }
  }

  @Test(arguments: [FaultKind.outage, .hang, .flaky])
  func nothingIsReadUntilItHeals(kind: FaultKind) async throws {
    try await withServer(.kafka) { board, server in
      let rate = kind == .flaky ? 1.0 : nil
      board.set(.kafka, try FaultSpec(kind: kind, rate: rate, ttlSeconds: 60), now: .now)
      for _ in 0..<8 {
        let permit = try await ask(server, .receive, deadline: .distantFuture).value(
          deadline: .now + .seconds(20))
        #expect(permit != .proceed && permit != .proceedUnanswered)
      }
      #expect(board.current(.kafka, now: .now).bites == 8)
      board.clear(.kafka)
      let answer = ask(server, .receive, deadline: .distantFuture)
      #expect(try await answer.value(deadline: .now + .seconds(20)) == .proceed)
    }
  }
}

@LoopActor
private final class Connection: Severable {
  private(set) var cuts = 0
  func sever() { cuts += 1 }
}

@LoopActor
private func ask(_ server: SwitchedServer, _ use: ServerUse, deadline: Instant) -> Completion<CallPermit> {
  let answer = Completion<CallPermit>()
  server.begin(use, deadline: deadline) { permit in
    #expect(answer.succeed(permit), "told twice")
  }
  return answer
}

/// The permit, where it is given at once.
@LoopActor
private func now(_ server: SwitchedServer, _ use: ServerUse) -> CallPermit? {
  var given: CallPermit?
  server.begin(use, deadline: .now + .seconds(60)) { given = $0 }
  return given
}

private func withServer(
  _ target: FaultTarget,
  _ body: @escaping @Sendable @LoopActor (FaultBoard, SwitchedServer) async throws -> Void
) async throws {
  try await onLoop {
    let log = Log(program: "test", level: .error, output: LogOutput())
    let board = FaultBoard(targets: FaultTarget.allCases, log: log, metrics: Metrics())
    try await body(board, SwitchedServer(board, target))
    for target in FaultTarget.allCases { board.clear(target) }
  }
}
