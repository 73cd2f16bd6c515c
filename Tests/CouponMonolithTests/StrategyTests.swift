import TestSupport
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import Postgres
import PrivateServers
import Testing
import Text
import CouponMonolith

/// Every way to decide, under small crowds that all come at once.
@Suite(.serialized, .limited) struct StrategyTests {
  private static let right = MonolithStrategy.allCases.filter { $0 != .unlocked }
  private static let (quota, people) = (10, 40)

  @Test(arguments: right) func theRightOnesNeverOversell(strategy: MonolithStrategy) async throws {
    try await withMonolith(strategy: strategy) { fixture in
      for seed in 1...20 {
        let (created, answers) = try await Self.crowd(UInt64(seed), fixture)
        #expect(created.compactMap(\.rank).sorted() == Array(1...Self.quota), "seed \(seed)")
        let settled = answers.count { $0.created != nil || $0.existing != nil || $0 == .soldOut }
        #expect(settled == answers.count, "\(answers)")
      }
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func countingWithoutALockOversells() async throws {
    try await withMonolith(strategy: .unlocked) { fixture in
      var oversold = 0
      for seed in 1...20 {
        oversold += max(0, try await Self.crowd(UInt64(seed), fixture).created.count - Self.quota)
      }
      #expect(oversold > 0)
      let rows = try await fixture.int("SELECT count(*) FROM coupon")
      #expect(rows == Int64(20 * Self.quota + oversold))
      // What was overwritten is lost: the counters know nothing of it.
      #expect(try await fixture.int("SELECT sum(issued) FROM policy_day") ?? 0 < rows ?? 0)
    }
  }

  /// One person under one policy, from all sides at once, and again over midnight.
  @Test(arguments: MonolithStrategy.allCases) func onePersonHasOneCoupon(strategy: MonolithStrategy)
    async throws
  {
    try await withMonolith(strategy: strategy) { fixture in
      _ = try await fixture.create(quota: 3, perPerson: .once)
      let times = ["2026-07-01T14:59:59Z", "2026-07-02T03:00:00Z"]
      let answers = try await fixture.issue(all: Array(repeating: "eager", count: 20), at: times)
      #expect(answers.count { $0.created != nil } == 1)
      #expect(answers.count { $0.existing != nil } == 19, "\(answers)")
      #expect(try await fixture.issue("eager", at: "2026-07-03T00:00:00Z").existing != nil)
      #expect(try await fixture.issue("other", at: "2026-07-03T00:00:00Z").created == nil)
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func tablesOfAnotherStrategyAreRefused() async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let first = try await Fixture(server, strategy: .unlocked)
      _ = try await first.create()
      _ = try await first.issue("a")
      let second = try Fixture(url: server.url, schema: first.schema)
      await #expect(throws: SchemaError.otherStrategy(ranksAreUnique: false)) {
        try await second.monolith.start()
      }
      await first.close()
      await second.close()
    }
  }

  /// A policy of its own; the people come in an order that the seed says, some of them twice.
  @LoopActor
  private static func crowd(
    _ seed: UInt64, _ fixture: Fixture
  ) async throws -> (created: [Coupon], answers: [IssueAnswer]) {
    let id = Int(seed)
    _ = try await fixture.create(id, quota: quota)
    var random = Seeded(state: seed)
    let numbers = Array(0..<people) + Array(0..<people / 4)
    let names = numbers.map { "s\(seed)-\($0)" }.shuffled(using: &random)
    let runs = names.map { name in start { try await fixture.issue(name, id) } }
    var answers: [IssueAnswer] = []
    for run in runs { answers.append(try await run.value()) }
    return (answers.compactMap(\.created), answers)
  }
}

private struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
