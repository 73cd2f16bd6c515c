import CouponAPI
import CouponAdmission
import CouponDomain
import CouponStore
import CouponWorker
import EventLoop
import Kafka
import Redis
import Text

/// The mutants' doubles at the ports; without a mutant each passes on what it gets.
@LoopActor
enum Mutations {
  static func service(_ coupons: any CouponService, _ world: World) -> any CouponService {
    switch world.mutant {
    case .createdByGate, .soldOutByCount, .timeoutIsSoldOut, .troubleIsSoldOut, .unknownIsUnavailable,
      .retryIsCreated, .lostAnswer, .soldOutIsCreated:
      MutantCoupons(coupons, world)
    default: coupons
    }
  }

  static func tables(_ writer: BatchWriter, _ world: World) -> any BatchTables {
    world.mutant == .automaticOffsets ? SkippingTables(writer, world) : writer
  }

  static func fold(_ store: SimStore, _ world: World) -> BatchFold {
    { [weak store, unowned world] batch, ledger, decides in
      store?.folds(batch.partition)
      var result = BatchResult(changed(batch, world), over: ledger, decides: decides)
      switch world.mutant {
      case .foldWithoutLast: if result.issued.count > 1 { result.issued.removeLast() }
      case .writtenCounterTooHigh: for index in result.issued.indices { result.issued[index].count += 1 }
      case .deadLetterIsSkipped: result.deadLetters = []
      default: break
      }
      return result
    }
  }

  /// The same entries in another order.
  private static func changed(_ batch: WorkerBatch, _ world: World) -> WorkerBatch {
    guard world.mutant == .foldByDay || world.mutant == .foldReversed else { return batch }
    let claims = batch.records.indices.filter { day(batch.records[$0]) != nil }
    let sorted = claims.sorted { a, b in
      world.mutant == .foldReversed
        ? a > b : (day(batch.records[a]) ?? 0, a) < (day(batch.records[b]) ?? 0, b)
    }
    var records = batch.records
    for (place, index) in zip(claims, sorted) { records[place] = batch.records[index] }
    let messages = records.enumerated().map { (offset: batch.first + Int64($0.offset), record: $0.element) }
    return WorkerBatch(partition: batch.partition, messages) ?? batch
  }

  private static func day(_ record: ReadEntry) -> Int32? {
    if case .success(.claim(let claim)) = record { claim.day.number } else { nil }
  }
}

extension World {
  func mutated(gate outcome: Result<[RedisReply], RedisError>, _ life: Life) -> Result<
    [RedisReply], RedisError
  > {
    guard case .success(let replies) = outcome, replies.count == 2, mutant == .countTooHigh,
      let count = replies[0].integer
    else { return outcome }
    return .success([.integer(count + 1), replies[1]])
  }

  /// What the reconciliation's commands are answered without being sent.
  func mutated(_ commands: [[String]]) -> [RedisReply]? {
    switch (mutant, commands[0][0]) {
    case (.reconcilerAddsNobody, "SADD"), (.reconcilerRemovesNobody, "SREM"): [.integer(0)]
    case (.reconcilerSeesNobody, "SSCAN"): [.array([.string([48]), .array([])])]
    default: nil
    }
  }

  func mutated(message value: [UInt8]) -> [UInt8] {
    guard mutant == .anotherDay, case .success(.claim(let claim)) = LogCodec.read(value) else { return value }
    return LogCodec.encode(
      CouponClaim(
        eventID: claim.eventID, couponID: claim.couponID, policyID: claim.policyID, userID: claim.userID,
        day: claim.day.advanced(by: 1), issuedAt: claim.issuedAt))
  }

  /// What is said of a message that was appended.
  var mutatedReport: DeliveryProblem? {
    mutant == .untrueNotPersisted && dice.chance(20) ? .notPersisted : nil
  }

  func mutated(read messages: [KafkaMessage]) -> [KafkaMessage] {
    guard let first = messages.first else { return messages }
    switch mutant {
    case .messageSkipped where first.offset > 1: return Array(messages.dropFirst())
    case .messageTwice where first.offset > 1: return [first] + messages
    case .messagesSwapped where messages.count > 1: return messages.reversed()
    default: return messages
    }
  }

  /// - Parameter timers: those of the process, the newest last.
  func mutated(_ time: Int, timers: [LoopTimer]) -> Int {
    switch mutant {
    case .deadlineLate: time > now ? time + 1_000 : time
    // As before the alarm moved forward: what is planned stands.
    case .deadlineStands:
      timers.dropLast().contains { !$0.isPending } && time - now < 2_500 ? time + 1_500 : time
    default: time
    }
  }
}

/// Tells people otherwise.
@LoopActor
private final class MutantCoupons: CouponsBefore {
  let coupons: any CouponService
  private let world: World

  init(_ coupons: any CouponService, _ world: World) { (self.coupons, self.world) = (coupons, world) }

  func issue(_ request: IssueRequest, for caller: IssueCaller) -> Reply<IssueAnswer>? {
    if world.mutant == .soldOutByCount,
      let policy = world.policies.first(where: { $0.id == request.policyID }),
      world.isOpen(request.time)
    {
      let key = Names.issuedUsers(of: policy.id, on: world.today)
      if world.redis.count(key) >= policy.dailyQuota { return .now(.soldOut) }
    }
    let made = world.mutant == .createdByGate ? madeUp(request) : nil
    let mutated = IssueCaller { answer in
      if made != nil { return }
      if self.world.mutant == .lostAnswer, case .existing = answer { return }
      caller.tell(self.changed(answer, request))
    }
    switch coupons.issue(request, for: mutated) {
    case .now(let answer): return .now(changed(answer, request))
    case .later(let work):
      return .later {
        let answer = await work()
        return self.changed(answer, request)
      }
    case nil: return made.map { .now(.created($0)) }
    }
  }

  private func changed(_ answer: IssueAnswer, _ request: IssueRequest) -> IssueAnswer {
    switch (world.mutant, answer) {
    case (.timeoutIsSoldOut, .trouble(.outcomeUnknown)): .soldOut
    case (.troubleIsSoldOut, .trouble(.unavailable)): .soldOut
    case (.unknownIsUnavailable, .trouble(.outcomeUnknown(let reason))):
      .trouble(.unavailable(reason: reason))
    case (.retryIsCreated, .existing(let coupon)): .created(coupon)
    case (.soldOutIsCreated, .soldOut): madeUp(request).map { .created($0) } ?? answer
    default: answer
    }
  }

  private func madeUp(_ request: IssueRequest) -> Coupon? {
    guard let policy = world.policies.first(where: { $0.id == request.policyID }) else { return nil }
    let claim = CouponClaim(
      eventID: EventID(high: 7, low: 7),
      couponID: World.key.couponID(of: request.userID, on: world.today, policy),
      policyID: policy.id, userID: request.userID, day: world.today, issuedAt: request.time)
    return Coupon(claim: claim, rank: nil)
  }
}

/// Believes that what was read was applied, whatever became of it.
@LoopActor
private final class SkippingTables: BatchTables {
  private let tables: any BatchTables
  private let world: World

  init(_ tables: any BatchTables, _ world: World) { (self.tables, self.world) = (tables, world) }

  func begin(_ partitions: [Int32]) { tables.begin(partitions) }
  func end(_ partitions: [Int32]) { tables.end(partitions) }

  func apply(
    _ read: ReadBatch, following: @LoopActor () -> ReadBatch?
  ) async throws -> BatchOutcome {
    world.checker.committedToGroup(read.batch.end, read.batch.partition)
    return try await tables.apply(read, following: following)
  }
}
