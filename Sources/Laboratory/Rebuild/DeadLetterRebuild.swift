import CouponDomain
package import CouponStore
package import EventLoop
import Kafka
package import Postgres
import Terminal
import Text

/// Decides a partition's dead letters again: for partitions whose dead letters were none, as those of a worker with
/// another `COUPON_KEY`.
///
///     the partition's log, from its beginning to what was applied ─▶ the same fold as every list's ─▶ its rows anew
///
/// A rank is a place in the log's order, so a claim that counts after all moves those behind it: the partition's policies
/// are written anew as a whole, in one transaction. Where a row differs from what the log says, the log is right, because
/// it is what the API's answers follow; each such row is told. The events get new sequence numbers.
@LoopActor
package struct DeadLetterRebuild {
  package struct Outcome: Sendable {
    /// Dead letters before and after.
    package var before = 0
    package var after = 0
    package var added = 0
    /// Coupons that got another rank, and coupons that the log does not give.
    package var changed = 0
    package var removed = 0
    /// One for each of these two.
    package var lines: [String] = []
  }

  private struct Partition {
    let offset: OffsetRow
    var messages: [KafkaMessage] = []
  }

  private let pool: PostgresPool
  private let log: LabState.Log
  private let topic: String
  private let key: CouponKey
  private static let patience = Duration.seconds(120)
  private static let batch = 10_000

  package init(_ pool: PostgresPool, _ log: LabState.Log, topic: String, key: CouponKey) {
    (self.pool, self.log, self.topic, self.key) = (pool, log, topic, key)
  }

  /// The worker must not run.
  ///
  /// - Throws: `LabFailure`: nothing was changed.
  package func run() async throws -> Outcome {
    guard try await DatabaseReader(pool).ranksAreUnique() else {
      throw LabFailure("dead letters can be decided again only if the log decides (COUPON_STRATEGY=log)")
    }
    let offsets = try await OffsetSQL.all(topic: topic, in: pool, deadline: .now + .seconds(10))
    let letters = try await AuditSQL.deadLetters(topic: topic, in: pool, deadline: .now + .seconds(30))
    let concerned = Set(letters.map(\.partition))
    guard !concerned.isEmpty else { return Outcome() }
    var partitions: [Int32: Partition] = [:]
    for row in offsets where concerned.contains(row.partition) {
      partitions[row.partition] = Partition(offset: row)
    }
    partitions = try await read(partitions)
    do {
      return try await pool.transaction(deadline: .now + Self.patience) { transaction in
        var outcome = Outcome(before: letters.count)
        for (partition, content) in partitions.sorted(by: { $0.key < $1.key }) {
          try await self.rewrite(partition, content, in: transaction, &outcome)
        }
        _ = try await transaction.finish()
        return outcome
      }
    } catch let error as PostgresError { throw LabFailure("nothing was changed: \(error)") }
  }

  // MARK: - The log

  private func read(_ wanted: [Int32: Partition]) async throws -> [Int32: Partition] {
    var partitions = wanted
    do {
      try await TopicReading.read(
        topic, at: log.client("lab-rebuild"),
        valueLimit: BatchRecord.readBytes, deadline: .now + Self.patience
      ) { messages in
        for message in messages where message.offset < partitions[message.partition]?.offset.nextOffset ?? 0 {
          partitions[message.partition]?.messages.append(message)
        }
      }
    } catch let failure as TopicReading.Failure {
      throw LabFailure("the log \(topic) cannot be read: \(failure)")
    }
    for (partition, content) in partitions {
      let hash = content.messages.first.map {
        LogTopic.firstHash(value: $0.value, timestampMilliseconds: $0.timestamp)
      }
      guard Int64(content.messages.count) == content.offset.nextOffset,
        hash == content.offset.firstHash || content.offset.firstHash == nil
      else { throw LabFailure("partition \(partition) of \(topic) is not the log that was applied") }
    }
    return partitions
  }

  // MARK: - The tables

  private func rewrite(
    _ partition: Int32, _ content: Partition, in transaction: PostgresTransaction, _ outcome: inout Outcome
  ) async throws {
    let locked = try await transaction.run(OffsetSQL.lock(topic: topic, partition: partition))
    guard try OffsetSQL.read(locked[1]) == content.offset else {
      throw LabFailure("the worker is running; stop it with lab down")
    }
    let known = try await PolicySQL.all(in: pool, deadline: .now + .seconds(30)).map(\.id)
    let policies = known.filter { self.partition(of: $0) == partition }
    var before: [PolicyID: [CouponRow]] = [:]
    for id in policies {
      before[id] = try await AuditSQL.coupons(of: id, in: pool, deadline: .now + .seconds(60))
    }
    _ = try await transaction.run(DeadLetterSQL.clear(policies, topic: topic, partition: partition))
    let partitions = log.partitions
    var ledger = LogLedger(key: key) { murmur2Partition(key: Names.logKey(of: $0), partitions: partitions) }
    var decided: [PolicyID: [UserPeriod: Int?]] = [:]
    var start = 0
    while start < content.messages.count {
      let slice = content.messages[start..<min(start + Self.batch, content.messages.count)]
      let record = try fold(slice, partition, &ledger, &decided, &outcome)
      _ = try await transaction.run(record.statements)
      start += slice.count
    }
    _ = try await transaction.run(DeadLetterSQL.end)
    compare(before, with: decided, &outcome)
  }

  private struct UserPeriod: Hashable {
    let user: UserID
    let period: Day
  }

  private func fold(
    _ messages: ArraySlice<KafkaMessage>, _ partition: Int32, _ ledger: inout LogLedger,
    _ decided: inout [PolicyID: [UserPeriod: Int?]], _ outcome: inout Outcome
  ) throws(LabFailure) -> BatchRecord {
    var record = BatchRecord(topic: topic, partition: partition)
    for message in messages {
      switch ledger.apply(message.value, partition: partition) {
      case .policyCreated(let created): record.add(created, payload: message.value)
      case .issued(let coupon):
        let claim = coupon.claim
        guard let policy = ledger[claim.policyID]?.policy else { continue }
        record.add(coupon, of: policy, issued: coupon.rank ?? 0, payload: message.value)
        let person = UserPeriod(user: claim.userID, period: policy.period(of: claim.day))
        decided[claim.policyID, default: [:]][person] = coupon.rank
      case .dropped, .duplicatePolicy: break
      case .deadLetter(let reason):
        record.add(deadLetter: reason, offset: message.offset, payload: message.value)
        outcome.after += 1
      case .stop(let reason):
        throw LabFailure("the log cannot be understood at \(partition)/\(message.offset): \(reason)")
      }
    }
    return record
  }

  private func partition(of policy: PolicyID) -> Int32 {
    murmur2Partition(key: Names.logKey(of: policy), partitions: log.partitions)
  }

  private func compare(
    _ before: [PolicyID: [CouponRow]], with decided: [PolicyID: [UserPeriod: Int?]], _ outcome: inout Outcome
  ) {
    var kept = 0
    for (policy, rows) in before.sorted(by: { $0.key < $1.key }) {
      for row in rows {
        let (claim, rank) = (row.coupon.claim, row.coupon.rank)
        guard let now = decided[policy]?[UserPeriod(user: claim.userID, period: row.period)] else {
          outcome.removed += 1
          outcome.lines.append(
            "policy \(policy): \(claim.userID) had rank \(rank ?? 0); the log gives no coupon")
          continue
        }
        kept += 1
        guard now != rank else { continue }
        outcome.changed += 1
        outcome.lines.append(
          "policy \(policy): \(claim.userID) had rank \(rank ?? 0); the log says \(now ?? 0)")
      }
    }
    outcome.added += decided.values.reduce(0) { $0 + $1.count } - kept
  }
}

/// The statements that make room for a partition's rows.
private enum DeadLetterSQL {
  /// The stream is append-only for the programs; here it is written anew as a whole.
  static func clear(_ policies: [PolicyID], topic: String, partition: Int32) -> [SQLCall] {
    let ids: [PostgresValue] = [.ints(policies.map { Int64($0.value) })]
    return [(PostgresStatement("ALTER TABLE coupon_event DISABLE TRIGGER append_only", readsOnly: false), [])]
      + ["coupon", "coupon_event", "policy_day", "policy"].map { table in
        (PostgresStatement("DELETE FROM \(table) WHERE policy_id = ANY ($1::int[])"), ids)
      } + [
        (
          PostgresStatement("DELETE FROM dead_letter WHERE topic = $1 AND partition = $2"),
          [.text(topic), .init(partition)]
        )
      ]
  }

  static let end: [SQLCall] = [
    (PostgresStatement("ALTER TABLE coupon_event ENABLE TRIGGER append_only", readsOnly: false), [])
  ]
}
