import CouponDomain
import CouponLog
import CouponStore
import CouponWorker
import EventLoop
import Kafka
import Postgres
import TestSupport
import Testing
import Text

/// Tables in memory, whose answers to COMMIT the test gives.
@LoopActor
private final class ScriptedStore: BatchStore {
  enum Commit { case succeeds, fails, unknownAndDone, unknownAndNotDone }

  var commits: [Commit] = []
  /// Called while a COMMIT is on its way.
  var whileItCommits: () -> Void = {}
  private(set) var calls: [String] = []
  private(set) var next: Int64 = 0
  private(set) var coupons: [PersonPeriod: Coupon] = [:]
  private var policies: [PolicyID: Policy] = [:]
  private var counters: [PolicyDay: Int] = [:]

  func note(_ call: String) { calls.append(call) }
  func take() -> [String] { defer { calls = [] }; return calls }

  func transaction<Value>(
    deadline: Instant, _ body: @LoopActor (any BatchTransaction) async throws -> Value
  ) async throws -> Value { try await body(Transaction(self)) }

  @LoopActor
  private final class Transaction: BatchTransaction {
    private let store: ScriptedStore
    init(_ store: ScriptedStore) { self.store = store }

    func lock(_ partition: Int32, _ question: BatchQuestion) async throws -> (OffsetRow, BatchAnswer) {
      store.note("lock")
      return (OffsetRow(partition: partition, nextOffset: store.next, firstHash: nil), answer(question))
    }

    func ask(_ question: BatchQuestion) async throws -> BatchAnswer {
      store.note(question.people.isEmpty ? "ask" : "ask for \(question.people.count) people")
      return answer(question)
    }

    private func answer(_ question: BatchQuestion) -> BatchAnswer {
      var answer = BatchAnswer()
      answer.policies = question.policies.compactMap { store.policies[$0] }
      answer.counters = question.days.compactMap { day in store.counters[day].map { (day, $0) } }
      answer.coupons = question.people.compactMap { store.coupons[$0] }
      return answer
    }

    func commit(_ batch: CommittedBatch) async throws {
      store.note("commit to \(batch.next)")
      let outcome = store.commits.isEmpty ? .succeeds : store.commits.removeFirst()
      // What else the loop has to do it does now.
      await EventLoop.shared.sleep(for: .milliseconds(1))
      store.whileItCommits()
      guard outcome != .fails else { throw PostgresError.unavailable("cut") }
      if outcome != .unknownAndNotDone { try store.write(batch) }
      guard outcome == .succeeds else { throw PostgresError.commitUnknown("no answer") }
      store.note("answer")
    }
  }

  private func write(_ batch: CommittedBatch) throws {
    let keys = batch.record.coupons.map {
      PersonPeriod($0.coupon.claim.policyID, $0.coupon.claim.userID, $0.period)
    }
    guard keys.allSatisfy({ coupons[$0] == nil }) else {
      note("violation")
      throw PostgresError.server(sqlState: "23505", message: "coupon_pkey")
    }
    for policy in batch.record.policies {
      policies[policy.id] = policy
      for day in policy.startsOn.number...policy.endsOn.number {
        counters[PolicyDay(policy.id, Day(number: day))] = 0
      }
    }
    for (key, coupon) in zip(keys, batch.record.coupons) { coupons[key] = coupon.coupon }
    for (day, count) in batch.record.counters { counters[day] = count }
    next = batch.next
  }

  func goBack(to next: Int64, without name: String) {
    self.next = next
    coupons = coupons.filter { $0.key.userID.description != name }
  }

  var ranks: [String: Int?] {
    Dictionary(uniqueKeysWithValues: coupons.map { ($0.key.userID.description, $0.value.rank) })
  }
}

@Suite(.limited) struct BatchWriterTests {
  @LoopActor
  private struct Play {
    let store = ScriptedStore()
    let writer: BatchWriter
    let batches: [ReadBatch]

    /// The policy alone in the first batch, then these people.
    init(quota: Int = 10, _ people: [[String]]) throws {
      let store = store
      writer = BatchWriter(store, topic: "log", empty: Sample.ledger, decides: true, clock: .real) {
        store.note("fold \($0.first)")
        return BatchResult($0, over: $1, decides: $2)
      }
      let policy = Sample.policy(quota: quota)
      let created = LogEntry.policyCreated(
        PolicyCreated(eventID: EventID(high: 9, low: 9), policy: policy, key: Sample.key))
      var (event, offset): (UInt64, Int64) = (0, 0)
      batches = try
        ([[created]]
        + people.map { names in
          names.map { name -> LogEntry in
            event += 1
            return .claim(Sample.claim(event, name, policy))
          }
        }).map { entries in
          let messages = entries.map { entry in
            offset += 1
            return KafkaMessage(
              partition: 0, offset: offset - 1, timestamp: 1, key: [], value: LogCodec.encode(entry))
          }
          let records = messages.map { (offset: $0.offset, record: LogCodec.read($0.value)) }
          return ReadBatch(try #require(WorkerBatch(partition: 0, records)), messages)
        }
    }

    func apply(_ index: Int, following: Int? = nil) async throws -> BatchOutcome {
      try await writer.apply(batches[index]) { following.map { batches[$0] } }
    }

    func expectApplied(_ index: Int, following: Int? = nil) async throws {
      guard case .applied = try await apply(index, following: following) else {
        throw TestFailure("batch \(index) was not applied")
      }
    }
  }

  @Test func theNextBatchIsFoldedWhileTheLastOneCommits() async throws {
    try await onLoop {
      let play = try Play([["ann", "bob"], ["cem", "ann"], ["dan"]])
      try await play.expectApplied(0)
      _ = play.store.take()
      try await play.expectApplied(1, following: 2)
      #expect(play.store.take() == ["lock", "ask", "fold 1", "commit to 3", "fold 3", "answer"])
      try await play.expectApplied(2, following: 3)
      #expect(play.store.take() == ["lock", "commit to 5", "fold 5", "answer"])
      try await play.expectApplied(3)
      #expect(play.store.take() == ["lock", "commit to 6", "answer"])
      #expect(play.store.ranks == ["ann": 1, "bob": 2, "cem": 3, "dan": 4])
    }
  }

  /// A fold that waits for a batch that is another worker's now is a batch's memory for nothing.
  @Test func nothingIsRememberedOfAPartitionThatIsAnothers() async throws {
    try await onLoop {
      let play = try Play([["ann", "bob"], ["cem"], ["dan"]])
      try await play.expectApplied(0)
      try await play.expectApplied(1, following: 2)
      #expect(play.writer.remembered == 1)
      play.writer.end([0])
      #expect(play.writer.remembered == 0)
      // Also where the partition is taken while its batch commits.
      play.store.whileItCommits = { play.writer.end([0]) }
      try await play.expectApplied(2, following: 3)
      #expect(play.writer.remembered == 0)
      play.store.whileItCommits = {}
      try await play.expectApplied(3)
      #expect(play.writer.remembered == 1)
    }
  }

  @Test func theQuotaEndsInWhatWasFoldedAhead() async throws {
    try await onLoop {
      let play = try Play(quota: 3, [["ann", "bob"], ["cem", "dan"], ["eva"]])
      try await play.expectApplied(0, following: 1)
      for index in 1...3 { try await play.expectApplied(index, following: index < 3 ? index + 1 : nil) }
      #expect(play.store.ranks == ["ann": 1, "bob": 2, "cem": 3])
    }
  }

  /// What was folded over a batch ends with it, whatever became of its COMMIT.
  @Test(arguments: ["fails", "unknownAndDone", "unknownAndNotDone"])
  func whatWasFoldedOverAFailedCommitIsForgotten(_ name: String) async throws {
    try await onLoop {
      let play = try Play([["ann", "bob"], ["cem"]])
      try await play.expectApplied(0)
      play.store.commits = [
        name == "fails" ? .fails : name == "unknownAndDone" ? .unknownAndDone : .unknownAndNotDone
      ]
      await #expect(throws: PostgresError.self) { try await play.expectApplied(1, following: 2) }
      _ = play.store.take()
      if name != "unknownAndDone" {
        // The database says that it stands before the batch that failed.
        guard case .seek(1) = try await play.apply(2) else { throw TestFailure("not sought") }
        #expect(play.store.take() == ["lock"])
        try await play.expectApplied(1)
      } else {
        guard case .seek(3) = try await play.apply(1) else { throw TestFailure("not sought") }
      }
      _ = play.store.take()
      try await play.expectApplied(2)
      #expect(play.store.take().contains("fold 3"), "it is folded again")
      #expect(play.store.ranks == ["ann": 1, "bob": 2, "cem": 3])
    }
  }

  /// The messages may be the same: it is another batch, read after a seek.
  @Test func onlyTheBatchThatWasFoldedIsWrittenAsItWasFolded() async throws {
    try await onLoop {
      let play = try Play([["ann", "bob"], ["cem"]])
      try await play.expectApplied(0)
      try await play.expectApplied(1, following: 2)
      _ = play.store.take()
      let again = ReadBatch(play.batches[2].batch, play.batches[2].messages)
      _ = try await play.writer.apply(again) { nil }
      #expect(play.store.take() == ["lock", "ask", "fold 3", "commit to 4", "answer"])
    }
  }

  @Test func somebodyWhoHoldsACouponIsFoundByTheKey() async throws {
    try await onLoop {
      let play = try Play([["ann"], ["bob"], ["ann", "cem"], ["bob", "dan"]])
      for index in 0...2 { try await play.expectApplied(index) }
      _ = play.store.take()
      try await play.expectApplied(3, following: 4)
      #expect(
        play.store.take() == [
          "lock", "ask", "fold 3", "commit to 5", "fold 5", "violation", "lock", "ask for 4 people", "fold 3",
          "commit to 5", "fold 5", "answer",
        ])
      // Where one comes twice, others do.
      try await play.expectApplied(4)
      #expect(play.store.take() == ["lock", "commit to 7", "answer"])
      #expect(play.store.ranks == ["ann": 1, "bob": 2, "cem": 3, "dan": 4])
    }
  }

  /// What one partition has shown is nothing that another one's batches are looked at for, nor use up.
  @Test func aPartitionLooksPeopleUpForItselfAlone() async throws {
    try await onLoop {
      let play = try Play([["ann"], ["ann"], ["bob"], ["cem"]])
      for index in 0...2 { try await play.expectApplied(index) }
      _ = play.store.take()
      // The same tables stand behind it: a batch of another partition, which begins where they are.
      let other = ReadBatch(try #require(play.batches[3].batch.moved(to: 1)), play.batches[3].messages)
      for _ in 0..<64 {
        play.store.goBack(to: 3, without: "bob")
        _ = try await play.writer.apply(other) { nil }
        #expect(!play.store.take().contains { $0.hasPrefix("ask for") })
      }
      try await play.expectApplied(4)
      #expect(play.store.take().contains("ask for 1 people"))
    }
  }

  @Test func aSecondViolationIsNotAnswered() async throws {
    try await TestDatabase.with { database in
      let play = OlderDatabaseTests.Play(database.pool)
      guard case .applied = try await play.apply(0..<2) else { throw TestFailure("not applied") }
      // A rank that the counter does not know of: the tables are not what the log comes to.
      try await database.run("UPDATE policy_day SET issued = 0")
      let error = await #expect(throws: PostgresError.self) { _ = try await play.apply(2..<3) }
      #expect(error?.isUniqueViolation == true)
      #expect(try await database.count("coupon") == 1)
      #expect(try await database.run("SELECT next_offset FROM consumer_offset").int(0, 0) == 2)
    }
  }
}

extension WorkerBatch {
  fileprivate func moved(to partition: Int) -> WorkerBatch? {
    let messages = records.enumerated().map { (offset: first + Int64($0.offset), record: $0.element) }
    return WorkerBatch(partition: partition, messages)
  }
}
