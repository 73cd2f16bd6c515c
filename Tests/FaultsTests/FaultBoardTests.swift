import EventLoop
import Faults
import Operations
import TestSupport
import Testing

@Suite(.limited) struct FaultBoardTests {
  @Test func whatIsOffDoesNothing() async throws {
    try await withBoard { board, metrics in
      for target in FaultTarget.allCases { #expect(board.effect(target) == .none) }
      #expect(board.all(now: start).allSatisfy { $0.spec == nil && $0.bites == 0 })
      #expect(text(metrics).contains(#"fault_active{target="database",kind="hang"} 0"#))
      board.clear(.redis)
    }
  }

  @Test(arguments: [
    (FaultKind.outage, FaultEffect.now(.refusedByASwitch)), (.hang, .hang),
    (.latency, .delay(.milliseconds(30))),
  ])
  func eachKindHasItsEffectOnItsTargetAlone(kind: FaultKind, effect: FaultEffect) async throws {
    try await withBoard { board, metrics in
      let spec = try FaultSpec(kind: kind, latencyMs: kind == .latency ? 30 : nil, ttlSeconds: 10)
      board.set(.database, spec, now: start)
      #expect(board.effect(.database, now: start + .seconds(9)) == effect)
      #expect(board.effect(.database, now: start + .seconds(9)) == effect)
      #expect(board.effect(.redis, now: start) == .none)
      let status = board.current(.database, now: start + .seconds(9))
      #expect(status.spec == spec && status.bites == 2 && status.remainingSeconds == 1)
      #expect(text(metrics).contains("fault_active{target=\"database\",kind=\"\(kind.rawValue)\"} 1"))
      #expect(text(metrics).contains("fault_bites_total{target=\"database\",kind=\"\(kind.rawValue)\"} 2"))
    }
  }

  @Test func itHealsByItselfAndRemembersItsBites() async throws {
    try await withBoard { board, metrics in
      var told: [FaultKind?] = []
      board.onChange(.kafka) { told.append($0?.kind) }
      board.set(.kafka, try FaultSpec(kind: .outage, ttlSeconds: 10), now: start)
      #expect(board.effect(.kafka, now: start) == .now(.refusedByASwitch))
      #expect(board.effect(.kafka, now: start + .seconds(10)) == .none)
      let status = board.current(.kafka, now: start + .seconds(10))
      #expect(status.spec == nil && status.bites == 1 && status.remainingSeconds == 0)
      #expect(told == [.outage, nil])
      #expect(text(metrics).contains(#"fault_active{target="kafka",kind="outage"} 0"#))
    }
  }

  @Test func itHealsWithoutBeingAsked() async throws {
    try await onLoop {
      let metrics = Metrics()
      let board = FaultBoard(targets: [.redis], log: quiet, metrics: metrics)
      let healed = Completion<Void>()
      board.onChange(.redis) { if $0 == nil { healed.succeed(()) } }
      board.set(.redis, try FaultSpec(kind: .outage, ttlSeconds: 0.01), now: .now)
      try await healed.value(deadline: .now + .seconds(20))
      #expect(board.effect(.redis) == .none)
    }
  }

  @Test func anotherFaultTakesThePlaceAndHasItsOwnTime() async throws {
    try await withBoard { board, _ in
      board.set(.redis, try FaultSpec(kind: .outage, ttlSeconds: 1), now: start)
      _ = board.effect(.redis, now: start)
      board.set(.redis, try FaultSpec(kind: .hang, ttlSeconds: 10), now: start)
      #expect(board.current(.redis, now: start).bites == 0)
      #expect(board.effect(.redis, now: start + .seconds(5)) == .hang)
      board.clear(.redis)
      #expect(board.effect(.redis, now: start + .seconds(5)) == .none)
    }
  }

  @Test func aShareFailsAndTheSeedRepeatsIt() async throws {
    try await withBoard { board, _ in
      @LoopActor func draw(_ seed: UInt64?) throws -> [FaultEffect] {
        board.set(.database, try FaultSpec(kind: .flaky, rate: 0.25, ttlSeconds: 60, seed: seed), now: start)
        return (0..<4_000).map { _ in board.effect(.database, now: start) }
      }
      let first = try draw(7)
      #expect(try draw(7) == first)
      #expect(try draw(8) != first)
      let (refused, lost) = (FaultEffect.now(.refusedByASwitch), FaultEffect.now(.proceedUnanswered))
      let refusals = first.count { $0 == refused }
      let losses = first.count { $0 == lost }
      #expect((900...1_100).contains(refusals + losses))
      #expect((400...600).contains(losses))
      #expect(first.allSatisfy { [.none, refused, lost].contains($0) })
      let unnamed = try draw(nil)
      let seed = try #require(board.current(.database, now: start).seed)
      #expect(try draw(seed) == unnamed)
      #expect(board.current(.database, now: start).bites == UInt64(unnamed.count { $0 != .none }))
    }
  }
}

private let start = Instant.now
private let quiet = Log(program: "test", level: .error, output: LogOutput())

@LoopActor
private func text(_ metrics: Metrics) -> String { String(decoding: metrics.render(), as: UTF8.self) }

private func withBoard(
  _ body: @escaping @Sendable @LoopActor (FaultBoard, Metrics) throws -> Void
) async throws {
  try await onLoop {
    let metrics = Metrics()
    let log = Log(program: "test", level: .error, output: LogOutput())
    try body(FaultBoard(targets: FaultTarget.allCases, log: log, metrics: metrics), metrics)
  }
}
