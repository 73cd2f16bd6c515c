import CouponWorker
import CouponAdmission
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import TestSupport
import Kafka
import Redis
import Text

/// Mistakes that somebody could make in the event-driven version, each a double at one of its seams: the checker has to
/// find every one.
enum PlantedBug: String, Hashable, Sendable, CaseIterable {
  /// The API answers 201 on the bare delivery report, though the log decides.
  case bareDeliveryReport
  /// The API answers 409 because Redis' set is full, not because the list is.
  case soldOutFromSet
  /// The worker tells Kafka an offset as soon as the message is read (what a consumer's automatic offset store does).
  case storesOffsetsEarly
  /// The worker leaves the first claim of a batch out.
  case skipsEvent
  /// The worker counts the first winner of a batch twice.
  case countsTwice
  /// The worker takes a batch day by day, as a GROUP BY would, and not in the order of the log.
  case groupsByDay
  /// The worker does not write the counter of a day's last coupon.
  case losesIssued

  /// The settings of an API with this mistake: one that decides as the origin article does, while the worker leaves it
  /// to the log.
  var apiSettings: [String: String] {
    self == .bareDeliveryReport ? ["COUPON_STRATEGY": "redis-transaction:not-persisted"] : [:]
  }

  /// - Parameters:
  ///   - redis: a connection of the double's own.
  ///   - keyPrefix: before the names of Redis' sets.
  @LoopActor
  func api(_ redis: RedisClient, keyPrefix: String) -> APIWires {
    var wires = APIWires()
    if self == .soldOutFromSet {
      wires.coupons = { SoldOutFromSet($0, redis, keyPrefix: keyPrefix) }
    }
    return wires
  }

  @LoopActor
  var worker: WorkerWires {
    var wires = WorkerWires()
    let fold = wires.fold
    switch self {
    case .bareDeliveryReport, .soldOutFromSet: break
    case .storesOffsetsEarly: wires.group = { EarlyOffsets($0) }
    case .skipsEvent: wires.fold = WrongFold(fold).skippingTheFirstClaim
    case .countsTwice: wires.fold = WrongFold(fold).countingTheFirstWinnerTwice
    case .groupsByDay: wires.fold = WrongFold(fold).groupingByDay
    case .losesIssued: wires.fold = WrongFold(fold).losingTheLastCount
    }
    return wires
  }
}

/// Asks the set before the list is asked.
@LoopActor
private final class SoldOutFromSet: CouponsBefore {
  let coupons: any CouponService
  private let redis: RedisClient
  private let keyPrefix: String

  init(_ coupons: any CouponService, _ redis: RedisClient, keyPrefix: String) {
    (self.coupons, self.redis, self.keyPrefix) = (coupons, redis, keyPrefix)
  }

  func issue(_ request: IssueRequest, for caller: IssueCaller) -> Reply<IssueAnswer>? {
    .later {
      if await self.isFull(for: request) { return .soldOut }
      return await self.coupons.issue(request)
    }
  }

  private func isFull(for request: IssueRequest) async -> Bool {
    let (id, deadline) = (request.policyID, request.deadline)
    let status = await coupons.status(of: id, at: request.time, deadline: deadline).value()
    guard case .policy(let policy, let window, _) = status else { return false }
    let key = Names.issuedUsers(of: id, on: window.day, prefix: keyPrefix)
    let replies = try? await redis.commands(
      [["SISMEMBER", key, request.userID.description], ["SCARD", key]], deadline: deadline)
    guard let replies, replies[0].integer == 0, let count = replies[1].integer else { return false }
    return count >= policy.dailyQuota
  }
}

/// Commits what it hands over.
@LoopActor
private final class EarlyOffsets: LogGroup {
  private let group: any LogGroup

  init(_ group: any LogGroup) { self.group = group }

  func next(atMost limit: Int, bytes: Int) async -> [KafkaMessage] {
    let messages = await group.next(atMost: limit, bytes: bytes)
    for message in messages { group.commit([message.partition: message.offset + 1]) }
    return messages
  }

  var partitions: Set<Int32> { group.partitions }
  func start() throws(KafkaError) { try group.start() }
  func assign(from offsets: [Int32: Int64]) { group.assign(from: offsets) }
  func pause() { group.pause() }
  func resume() { group.resume() }
  func seek(_ partition: Int32, to offset: Int64) { group.seek(partition, to: offset) }
  func commit(_ offsets: [Int32: Int64]) -> Completion<Void> { group.commit(offsets) }
  func close(deadline: Instant) async { await group.close(deadline: deadline) }
}

/// Folds that are wrong in one thing each, made of the product's.
private struct WrongFold {
  private let fold: BatchFold

  init(_ fold: @escaping BatchFold) { self.fold = fold }

  @LoopActor
  func skippingTheFirstClaim(_ batch: WorkerBatch, _ ledger: LogLedger, _ decides: Bool) throws -> BatchResult
  {
    guard let skipped = batch.records.firstIndex(where: { day(of: $0) != nil }) else {
      return try fold(batch, ledger, decides)
    }
    var records = batch.records
    records[skipped] = .failure(.poison(reason: "skipped"))
    var result = try fold(batch.with(records), ledger, decides)
    result.deadLetters.removeAll { $0.index == skipped }
    return result
  }

  /// What comes behind the first winner is folded over a ledger that has one more.
  @LoopActor
  func countingTheFirstWinnerTwice(
    _ batch: WorkerBatch, _ ledger: LogLedger, _ decides: Bool
  ) throws -> BatchResult {
    let right = try fold(batch, ledger, decides)
    guard let winner = right.issued.first, winner.index + 1 < batch.records.count else { return right }
    let split = winner.index + 1
    var (result, behind) = try (
      fold(batch.with(Array(batch.records[..<split])), ledger, decides), ledger
    )
    for read in batch.records[..<split] {
      _ = behind.apply(read, partition: Int32(batch.partition))
    }
    let claim = winner.coupon.claim
    behind.seed(issued: winner.count + 1, on: claim.day, of: claim.policyID)
    let rest = try fold(
      batch.with(Array(batch.records[split...]), from: batch.first + Int64(split)), behind, decides)
    result.policies += rest.policies.map { ($0.index + split, $0.created) }
    result.deadLetters += rest.deadLetters.map { ($0.index + split, $0.reason) }
    result.issued += rest.issued.map { issued in
      var issued = issued
      issued.index += split
      return issued
    }
    (result.next, result.problem) = (rest.next, rest.problem)
    return result
  }

  @LoopActor
  func groupingByDay(_ batch: WorkerBatch, _ ledger: LogLedger, _ decides: Bool) throws -> BatchResult {
    let order = batch.records.indices.sorted {
      (day(of: batch.records[$0]) ?? .min, $0) < (day(of: batch.records[$1]) ?? .min, $1)
    }
    var result = try fold(batch.with(order.map { batch.records[$0] }), ledger, decides)
    result.policies = result.policies.map { (order[$0.index], $0.created) }
    result.deadLetters = result.deadLetters.map { (order[$0.index], $0.reason) }
    for index in result.issued.indices {
      result.issued[index].index = order[result.issued[index].index]
    }
    return result
  }

  @LoopActor
  func losingTheLastCount(_ batch: WorkerBatch, _ ledger: LogLedger, _ decides: Bool) throws -> BatchResult {
    let policies = ledger.policies + batch.policies
    var result = try fold(batch, ledger, decides)
    for (index, issued) in result.issued.enumerated() {
      let policy = policies.first { $0.id == issued.coupon.claim.policyID }
      if issued.count == policy?.dailyQuota { result.issued[index].count -= 1 }
    }
    return result
  }

  private func day(of read: ReadEntry) -> Int32? {
    if case .success(.claim(let claim)) = read { claim.day.number } else { nil }
  }
}

extension WorkerBatch {
  fileprivate func with(_ records: [ReadEntry], from first: Int64? = nil) -> WorkerBatch {
    let first = first ?? self.first
    let messages = records.enumerated().map {
      (offset: first + Int64($0.offset), record: $0.element)
    }
    guard let batch = WorkerBatch(partition: partition, messages) else {
      preconditionFailure("an empty batch")
    }
    return batch
  }

  fileprivate var policies: [Policy] {
    records.compactMap {
      if case .success(.policyCreated(let created)) = $0 { created.policy } else { nil }
    }
  }
}
