import EventLoop
import Faults
import Operations
import TestSupport
import Testing

/// The switch `coupons`: whose coupon it is for, what it does to it, and that it ends.
@Suite(.limited) struct CouponFaultTests {
  @Test func aPrefixChoosesThePeopleWhoseIDBeginsWithIt() async throws {
    try await withSeam { board, seam in
      board.set(.coupons, try FaultSpec(kind: .error, ttlSeconds: 60, prefix: "p7-3"), now: .now)
      for person in ["p7-3", "p7-30", "p7-3.a"] {
        #expect(throws: CouponBug.self) { try seam.decided(person) }
      }
      for person in ["p7-2", "p7-", "3", "xp7-3"] { try seam.decided(person) }
      #expect(board.current(.coupons, now: .now).bites == 3)
    }
  }

  @Test func everyNthIsCountedFromTheSwitchingOn() async throws {
    try await withSeam { board, seam in
      for _ in 1...2 {
        board.set(.coupons, try FaultSpec(kind: .error, ttlSeconds: 60, every: 3), now: .now)
        let failed = (1...8).filter { _ in (try? seam.decided("kim")) == nil }
        #expect(failed == [3, 6])
      }
    }
  }

  @Test func withoutAChoiceItIsEverybodyUntilItHeals() async throws {
    try await withSeam { board, seam in
      #expect(seam.isClear)
      try seam.decided("kim")
      board.set(.coupons, try FaultSpec(kind: .error, ttlSeconds: 60), now: .now)
      #expect(!seam.isClear)
      #expect(throws: CouponBug.self) { try seam.decided("kim") }
      board.expire(.coupons, now: .now + .seconds(61))
      #expect(seam.isClear)
      try seam.decided("kim")
      #expect(board.current(.coupons, now: .now).bites == 1)
    }
  }

  /// What is due meanwhile on the same thread has to wait.
  @Test func aStallBlocksTheThread() async throws {
    try await withSeam { board, seam in
      board.set(.coupons, try FaultSpec(kind: .stall, ttlSeconds: 60, stallMs: 50, every: 2), now: .now)
      let began = Instant.now
      var turns = 0
      EventLoop.shared.schedule(after: .zero) { turns += 1 }
      try seam.decided("kim")
      try seam.decided("lee")
      #expect(Instant.now - began >= .milliseconds(50) && turns == 0)
      #expect(board.current(.coupons, now: .now).bites == 1)
    }
  }

  /// A server has no bug, and the code has no connection.
  @Test func eachTargetKnowsItsOwnKindsAlone() throws {
    let stall = try FaultSpec(kind: .stall, ttlSeconds: 1, stallMs: 1)
    let outage = try FaultSpec(kind: .outage, ttlSeconds: 1)
    #expect(try stall.checked(for: .coupons) == stall && outage.checked(for: .redis) == outage)
    #expect(throws: InvalidFault(field: "kind", rule: "must be one of crash, stall, error for coupons")) {
      try outage.checked(for: .coupons)
    }
    #expect(throws: InvalidFault.self) { try stall.checked(for: .database) }
  }

  @Test(
    arguments: [
      (FaultKind.crash, nil, nil, nil, "prefix"), (.crash, nil, "", nil, "prefix"),
      (.crash, nil, "a b", nil, "prefix"), (.crash, nil, String(repeating: "a", count: 65), nil, "prefix"),
      (.crash, nil, "a", 2, "every"), (.crash, nil, nil, 0, "every"), (.crash, 5, "a", nil, "stallMs"),
      (.stall, nil, nil, nil, "stallMs"), (.stall, 0, nil, nil, "stallMs"),
      (.stall, 10_001, nil, nil, "stallMs"), (.error, 5, nil, nil, "stallMs"),
      (.outage, nil, "a", nil, "prefix"), (.hang, nil, nil, 3, "every"),
    ] as [(FaultKind, Int?, String?, Int?, String)])
  func whatBreaksARuleNamesItsField(
    kind: FaultKind, stallMs: Int?, prefix: String?, every: Int?, field: String
  ) {
    do throws(InvalidFault) {
      _ = try FaultSpec(kind: kind, ttlSeconds: 1, stallMs: stallMs, prefix: prefix, every: every)
      Issue.record("taken")
    } catch { #expect(error.field == field) }
  }

  @Test func itsJSONHasItsFields() throws {
    let stall = try FaultSpec(kind: .stall, ttlSeconds: 2, stallMs: 30, every: 5)
    #expect(stall.json == #"{"kind":"stall","stallMs":30,"every":5,"ttlSeconds":2.0}"#)
    let crash = try FaultSpec(kind: .crash, ttlSeconds: 2, prefix: "p7-3")
    #expect(crash.json == #"{"kind":"crash","prefix":"p7-3","ttlSeconds":2.0}"#)
  }
}

private func withSeam(
  _ body: @escaping @Sendable @LoopActor (FaultBoard, CouponSeam) async throws -> Void
) async throws {
  try await onLoop {
    let log = Log(program: "test", level: .error, output: LogOutput())
    let board = FaultBoard(targets: [.coupons], log: log, metrics: Metrics())
    let seam = try #require(CouponSeam(board))
    try await body(board, seam)
    board.clear(.coupons)
  }
}
