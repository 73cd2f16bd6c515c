import CouponLog
import CouponAPI
import CouponStore
package import EventLoop
import Kafka
import Operations
import Postgres
package import Programs

/// Reads its partitions of the log and writes them into the tables, one transaction a batch.
///
///     assigned ─▶ the same log? ─▶ read from where the database stands ─▶ batch ─▶ transaction ─▶ …
///     the database is away: the group is kept, nothing is read, the batch in hand waits
@LoopActor
package final class LogWorker {
  private static let firstPause = Duration.milliseconds(50)

  private let topic: String
  private let partitionCount: Int
  private let ports: WorkerPorts
  private let tables: any BatchTables
  private let figures: WorkerFigures
  private let log: Log
  /// Of the database.
  private let trouble: TroubleLog
  private let kafkaTrouble: TroubleLog
  private let onFailure: @LoopActor (String) -> Void
  private var group: (any LogGroup)?
  private var questions: (any LogQuestions)?
  private var watch: LogWatch?
  private var size = BatchSize()
  private var isStopped = false
  private var done = Completion<Void>()
  /// Grows with each change of the partitions, so that an answer to an older one is not believed.
  private var assignment = 0
  package private(set) var isAssigned = false
  package private(set) var isWriting = true
  private var now: Instant { ports.clock.now }

  package init(
    topic: String, partitions: Int, tables: any BatchTables, ports: WorkerPorts, context: ProgramContext,
    onFailure: @escaping @LoopActor (String) -> Void
  ) {
    (self.topic, partitionCount, self.tables, self.ports) = (topic, partitions, tables, ports)
    (log, self.onFailure) = (context.log, onFailure)
    figures = WorkerFigures(context.metrics)
    trouble = TroubleLog(context.log)
    kafkaTrouble = TroubleLog(context.log)
  }

  package func start() throws {
    let questions = try ports.questions()
    self.questions = questions
    let watch = LogWatch(
      topic: topic, questions: questions, clock: ports.clock, trouble: kafkaTrouble,
      handlers: LogWatch.Handlers(
        next: { [figures] partition in figures.applied[partition] ?? 0 },
        onEnd: { [figures] partition, end, _ in figures.saw(end: end, of: partition) },
        onOther: { [weak self] partition, problem in
          guard let self else { return }
          fail("KAFKA_TOPIC \(topic), partition \(partition): \(problem.explanation)")
        }))
    self.watch = watch
    let group = try ports.group(
      { [weak self] change in self?.rebalanced(change) }, { [weak self] problem in self?.take(problem) })
    self.group = group
    try group.start()
    EventLoop.shared.spawn {
      await self.work(group)
      self.done.succeed(())
    }
    EventLoop.shared.spawn { await self.watchLag(watch) }
  }

  package func stop(deadline: Instant) async {
    isStopped = true
    watch?.stop()
    await group?.close(deadline: deadline)
    if group != nil { _ = try? await done.value(deadline: deadline, on: ports.clock) }
    await questions?.close()
  }

  private func fail(_ reason: String) {
    guard !isStopped else { return }
    onFailure(reason)
  }

  // MARK: - Partitions

  private func rebalanced(_ change: KafkaRebalance) {
    assignment += 1
    isAssigned = false
    watch?.stop()
    switch change {
    case .revoked(let partitions, let lost):
      log.info("partitions were taken away", ["count": partitions.count, "lost": lost])
      for partition in partitions { figures.ended(partition) }
    case .assigned(let partitions):
      log.info("partitions were given", ["count": partitions.count])
      let assignment = assignment
      EventLoop.shared.spawn { await self.begin(partitions, assignment) }
    }
  }

  /// Finds out where the database stands, and whether this is the log that it knows.
  private func begin(_ partitions: [Int32], _ assignment: Int) async {
    while !isStopped, assignment == self.assignment {
      do {
        guard let (starts, firstHashes) = try await locate(partitions) else {
          await ports.clock.sleep(for: .milliseconds(200))
          continue
        }
        guard assignment == self.assignment else { return }
        isAssigned = true
        for (partition, offset) in starts { figures.began(partition, at: offset) }
        tables.begin(partitions)
        group?.assign(from: starts)
        watch?.watch(partitions, firstHashes: firstHashes)
      } catch {
        fail("\(error)")
      }
      return
    }
  }

  /// Where each partition begins, and the hash of its first message; nil where database or Kafka does not answer.
  private func locate(
    _ partitions: [Int32]
  ) async throws -> (starts: [Int32: Int64], firstHashes: [Int32: [UInt8]])? {
    guard let questions else { return nil }
    let patience = Duration.seconds(3)
    guard let known = await ports.offsets.read(deadline: now + patience) else {
      trouble.note("the database does not answer", "where to begin is not known")
      return nil
    }
    do throws(KafkaError) {
      let cluster = try await questions.describe(topic, deadline: now + patience)
      if let found = cluster.topic?.partitions, found != partitionCount {
        let problem = LogProblem.partitions(expected: partitionCount, found: found)
        throw refusal(problem.explanation)
      }
      let looks = try await questions.look(at: topic, partitions: partitions, deadline: now + patience)
      var starts: [Int32: Int64] = [:]
      var firstHashes: [Int32: [UInt8]] = [:]
      for partition in partitions {
        guard let look = looks[partition] else {
          throw .unavailable("partition \(partition) of \(topic): no answer in time")
        }
        firstHashes[partition] = look.first?.firstHash
        let shown = LogStart.Shown(
          low: look.marks.low, high: look.marks.high, firstHash: look.first?.firstHash)
        if let problem = LogStart.problem(of: shown, remembered: known[partition]) {
          throw refusal("partition \(partition): \(problem.explanation)")
        }
        starts[partition] = known[partition]?.nextOffset ?? 0
      }
      return (starts, firstHashes)
    } catch {
      switch error {
      case .unavailable, .queueFull:
        kafkaTrouble.note("Kafka does not answer", error.description)
        return nil
      case .unsupported, .refused, .misconfigured: throw StartRefusal(error.description)
      }
    }
  }

  private func refusal(_ reason: String) -> KafkaError { .refused("KAFKA_TOPIC \(topic), \(reason)") }

  private func take(_ problem: KafkaProblem) {
    switch problem {
    case .reset(let partition, _): fail("partition \(partition): \(LogProblem.reset.explanation)")
    case .gap(let partition, let expected, let found):
      fail("partition \(partition): \(LogProblem.gap(expected: expected, found: found).explanation)")
    case .missing(let reason), .unreachable(let reason): kafkaTrouble.note("Kafka does not answer", reason)
    case .refused(let reason): kafkaTrouble.note("Kafka refuses this program", reason)
    }
  }

  // MARK: - Batches

  private func work(_ group: any LogGroup) async {
    while !isStopped {
      let messages = await group.next(atMost: BatchSize.most)
      guard !isStopped else { return }
      let slices = Dictionary(grouping: messages, by: \.partition).sorted { $0.key < $1.key }
      for (partition, slice) in slices { await apply(slice, of: partition, group) }
    }
  }

  private func apply(_ messages: [KafkaMessage], of partition: Int32, _ group: any LogGroup) async {
    var rest = messages[...]
    var pause = LogWorker.firstPause
    while !rest.isEmpty, !isStopped {
      let bite = Array(rest.prefix(size.current))
      let records = bite.map { (offset: $0.offset, record: LogCodec.read($0.value)) }
      guard let batch = WorkerBatch(partition: Int(partition), records) else { return }
      let attempt = await attempt(batch, bite)
      if case .tryAgain = attempt {
        await wait(pause, group)
        pause = min(pause * 2, .seconds(1))
        continue
      }
      goOnReading(group)
      pause = LogWorker.firstPause
      rest = rest.dropFirst(batch.records.count)
      switch attempt {
      case .tryAgain, .failed: return
      case .done(.applied(let result)):
        figures.applied(result, batch)
        // Kafka's own offset is a hint for tools; the database has the truth.
        group.commit([partition: result.next])
        if let problem = result.problem { return fail("partition \(partition): \(problem.explanation)") }
      case .done(.seek(let offset)):
        // A COMMIT without an answer was one: what the tables have is known only now.
        figures.began(partition, at: offset)
        log.info(
          "reading goes on where the database stands", ["partition": Int(partition), "offset": Int(offset)])
        return group.seek(partition, to: offset)
      case .done(.stop(let problem)): return fail("partition \(partition): \(problem.explanation)")
      }
    }
    goOnReading(group)
  }

  private enum Attempt {
    case done(BatchOutcome)
    /// The database does not take it now; the same messages again are right.
    case tryAgain
    /// It can never be taken, and that has been said.
    case failed
  }

  private func attempt(_ batch: WorkerBatch, _ messages: [KafkaMessage]) async -> Attempt {
    let start = now
    do {
      let outcome = try await tables.apply(batch, messages)
      figures.seconds.observe(now - start)
      trouble.over()
      size.wasTaken()
      return .done(outcome)
    } catch let error as PostgresError where error.isUniqueViolation {
      fail("two rules differ: \(error.description)")
    } catch let error as PostgresError {
      size.failed(error)
      trouble.note("the database does not take a batch", error.description)
      return .tryAgain
    } catch {
      fail("\(error)")
    }
    return .failed
  }

  /// Until the next attempt nothing is read, and the group is kept.
  private func wait(_ pause: Duration, _ group: any LogGroup) async {
    figures.retries.increment()
    if isWriting {
      isWriting = false
      group.pause()
    }
    await ports.clock.sleep(for: pause)
  }

  private func goOnReading(_ group: any LogGroup) {
    guard !isWriting else { return }
    isWriting = true
    group.resume()
  }

  // MARK: - Lag

  /// A database that was put back to an older state has no more of the log than it had then, and no message may come
  /// for days to show it: looked up, and read again from there.
  private func seekWhereTheTablesWentBack(_ group: any LogGroup) async {
    let assignment = assignment
    let applied = figures.applied
    guard let known = await ports.offsets.read(deadline: now + .seconds(1)), !isStopped,
      assignment == self.assignment
    else { return }
    for (partition, next) in applied.sorted(by: { $0.key < $1.key })
    where group.partitions.contains(partition) {
      // What was applied before the question is in every answer of the same database.
      let stored = known[partition]?.nextOffset ?? 0
      guard stored < next else { continue }
      log.warning(
        "the database has gone back in time; the log is read again from there",
        ["partition": Int(partition), "applied": Int(next), "offset": Int(stored)])
      figures.began(partition, at: stored)
      group.seek(partition, to: stored)
    }
  }

  /// How far the tables are behind the log, looked up once a second.
  private func watchLag(_ watch: LogWatch) async {
    while !isStopped {
      await ports.clock.sleep(for: LogWatch.interval)
      guard !isStopped, isAssigned, let group else { continue }
      await seekWhereTheTablesWentBack(group)
      if await watch.ask() { kafkaTrouble.over() }
    }
  }
}
