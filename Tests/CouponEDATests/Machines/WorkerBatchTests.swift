import CouponWorker
import CouponLog
import CouponDomain
import CouponStore
import Postgres
import TestSupport
import Testing
import Text

@Suite(.limited) struct WorkerBatchTests {
  private let policy = Sample.policy()

  private func batch(_ records: [ReadEntry], from first: Int64 = 0) throws -> WorkerBatch {
    try #require(
      WorkerBatch(
        partition: 0, records.enumerated().map { (offset: first + Int64($0.offset), record: $0.element) }))
  }

  private func claim(_ event: UInt64, _ name: String, on day: Day = Sample.day) -> ReadEntry {
    .success(.claim(Sample.claim(event, name, on: day)))
  }

  private func fold(
    _ batch: WorkerBatch, policies: [Policy] = [], coupons: [Coupon] = [], issued: Int? = nil
  ) -> BatchResult {
    BatchResult(
      batch,
      over: Sample.ledger.seeded(
        policies: policies, coupons: coupons,
        counters: issued.map { [(PolicyDay(policy.id, Sample.day), $0)] } ?? []))
  }

  private var batchOfNothing: WorkerBatch? {
    let none: [(offset: Int64, record: ReadEntry)] = []
    return WorkerBatch(partition: 0, none)
  }

  @Test func itEndsWhereOffsetsStopFollowingEachOther() throws {
    let messages: [(offset: Int64, record: ReadEntry)] = [(4, claim(1, "a")), (6, claim(2, "b"))]
    let batch = try #require(WorkerBatch(partition: 0, messages))
    #expect(batch.first == 4 && batch.records.count == 1)
    #expect(batchOfNothing == nil)
  }

  @Test func whatIsLoadedIsWhatTheFoldLooksAt() throws {
    let batch = try batch([
      claim(1, "a"), claim(2, "a"), claim(3, "b", on: Sample.nextDay),
      .failure(.poison(reason: "x")),
    ])
    #expect(BatchNeeds.unknownPolicies(batch, policies: [:]) == [policy.id])
    let needs = BatchNeeds(batch, policies: [policy.id: policy])
    #expect(needs.people.count == 2)
    #expect(needs.people.allSatisfy { $0.period == Sample.day })
    #expect(needs.days == [PolicyDay(policy.id, Sample.day), PolicyDay(policy.id, Sample.nextDay)])
  }

  /// A batch of many policies makes room for its claims, not for so many of each.
  @Test func roomIsMadeForThePoliciesOwnClaims() throws {
    let batch = try batch([claim(1, "a"), claim(2, "b"), Sample.created(), .failure(.poison(reason: "x"))])
    let needs = BatchNeeds(batch, policies: [policy.id: policy], withPeople: false)
    #expect(needs.claims(of: policy.id) == 2)
    #expect(needs.claims(of: try #require(PolicyID(2))) == 0)
    #expect(needs.policies(of: [policy.id: policy]) == [policy])
  }

  @Test func ranksGoOnWhereTheDatabaseStands() throws {
    let first = Coupon(claim: Sample.claim(1, "a"), rank: 1)
    let result = fold(
      try batch([claim(2, "a"), claim(3, "b"), claim(4, "c")], from: 7), policies: [policy], coupons: [first],
      issued: 1)
    #expect(result.issued.map(\.coupon.rank) == [2])
    #expect(result.issued.map(\.index) == [1])
    #expect(result.issued.map(\.count) == [2])
    #expect(result.next == 10 && result.problem == nil)
  }

  @Test func aPolicyAndItsCouponsMayBeInOneBatch() throws {
    let result = fold(try batch([Sample.created(policy), claim(1, "a"), Sample.created(policy)]))
    #expect(result.policies.count == 1 && result.issued.count == 1 && result.deadLetters.isEmpty)
  }

  @Test func poisonIsADeadLetterAndCostsNobodyTheirPlace() throws {
    let outside = Day(number: 1)
    let result = fold(
      try batch([.failure(.poison(reason: "no JSON")), claim(1, "a", on: outside), claim(2, "b")]),
      policies: [policy])
    #expect(result.deadLetters.map(\.index) == [0, 1])
    #expect(result.issued.map(\.coupon.rank) == [1])
    #expect(result.next == 3)
  }

  @Test func withoutItsPolicyAClaimIsADeadLetter() throws {
    #expect(fold(try batch([claim(1, "a")])).deadLetters.count == 1)
  }

  @Test func whatIsUnknownEndsTheBatchBeforeIt() throws {
    let result = fold(
      try batch([claim(1, "a"), .failure(.unknown(reason: "version 2")), claim(2, "b")], from: 3),
      policies: [policy])
    #expect(result.issued.count == 1 && result.next == 4)
    #expect(result.problem == .unknownEvent(offset: 4, reason: "version 2"))
  }

  @Test func theDatabaseSaysWhereToRead() {
    var cursor = PartitionCursor()
    #expect(cursor.step(first: 0, stored: 0) == .apply)
    // Kafka's hint lies ahead, then behind.
    #expect(cursor.step(first: 9, stored: 5) == .seek(5))
    #expect(cursor.step(first: 5, stored: 5) == .apply)
    #expect(cursor.step(first: 2, stored: 7) == .seek(7))
    // Read from there, and something later came.
    #expect(cursor.step(first: 8, stored: 7) == .stop(.gap(expected: 7, found: 8)))
  }

  @Test func anotherLogIsNotReadOn() {
    let remembered = OffsetRow(partition: 0, nextOffset: 5, firstHash: [1])
    func problem(_ low: Int64, _ high: Int64, _ hash: [UInt8]?) -> LogProblem? {
      LogStart.problem(of: LogStart.Shown(low: low, high: high, firstHash: hash), remembered: remembered)
    }
    #expect(problem(0, 5, [1]) == nil)
    #expect(problem(0, 9, [1]) == nil)
    #expect(problem(3, 9, [1]) == .beginningGone(low: 3))
    #expect(problem(0, 4, [1]) == .shorter(applied: 5, high: 4))
    #expect(problem(0, 9, [2]) == .madeAnew)
    #expect(problem(0, 0, nil) == .shorter(applied: 5, high: 0))
    #expect(LogStart.problem(of: LogStart.Shown(low: 0, high: 9, firstHash: [3]), remembered: nil) == nil)
  }
}

@Suite(.limited) struct BatchSizeTests {
  @Test func itHalvesWhatWasNotDoneInTimeAndGrowsAgain() {
    var size = BatchSize()
    #expect(size.current == BatchSize.most)
    size.failed(.deadline)
    size.failed(.commitUnknown("no answer before the deadline"))
    size.failed(.server(sqlState: "57014", message: "canceling statement due to statement timeout"))
    #expect(size.current == BatchSize.most / 8)
    size.wasTaken()
    #expect(size.current == BatchSize.most / 4)
    for _ in 0..<20 { size.failed(.deadline) }
    #expect(size.current == 1)
    for _ in 0..<20 { size.wasTaken() }
    #expect(size.current == BatchSize.most)
  }

  @Test func whatIsNotATimeLeavesItAsItIs() {
    var size = BatchSize()
    size.failed(.unavailable("refused"))
    size.failed(.poolFull)
    size.failed(.server(sqlState: "53300", message: "too many connections"))
    #expect(size.current == BatchSize.most)
    // The server has ended the transaction meanwhile: all that is seen of it is a lost connection.
    size.failed(.unavailable("the connection is lost"), wasSlow: true)
    #expect(size.current == BatchSize.most / 2)
  }
}
