import CouponLog
import CouponAPI
import CouponStore
package import EventLoop
import Kafka
import Operations
import Postgres
package import Programs

/// Reads its partitions of the log and writes them into the tables, one transaction a batch. Several tasks take turns on the
/// loop: one reads and decodes, the others write, each another partition's batch, so that a batch is decoded and others
/// folded while others commit.
///
///     assigned ─▶ the same log? ─▶ read from where the database stands ─▶ batch ─▶ BatchQueue ─┬▶ transaction ─▶ …
///                                                                                             └▶ another partition's
///     the database takes no partition: the group is kept, nothing more is read, the batches in hand wait
///     the partition is another's, or is read from elsewhere: what waits in the queue is dropped
@LoopActor
package final class LogWorker {
  private static let firstPause = Duration.milliseconds(50)
  /// Messages decoded before the loop looks at its sockets again.
  private static let bite = 256

  private let topic: String
  private let partitionCount: Int
  private let writers: Int
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
  private var queue: BatchQueue
  private var sizes: [Int: BatchSize] = [:]
  /// Partitions whose batch the database has not taken, and which is tried again.
  private var troubled: Set<Int> = []
  /// The queue has room again, for the reader.
  private let room = Signal()
  /// The queue has a batch, for the writers.
  private let arrival = Signal()
  private var isStopped = false
  private var done = Completion<Void>()
  /// Grows with each change of the partitions, so that an answer to an older one is not believed.
  private var assignment = 0
  package private(set) var isAssigned = false
  package private(set) var isWriting = true
  private var now: Instant { ports.clock.now }

  /// - Parameter writers: how many partitions are written at once.
  package init(
    topic: String, partitions: Int, writers: Int, tables: any BatchTables, ports: WorkerPorts,
    context: ProgramContext, onFailure: @escaping @LoopActor (String) -> Void
  ) {
    (self.topic, partitionCount, self.tables, self.ports) = (topic, partitions, tables, ports)
    (self.writers, queue) = (writers, BatchQueue(writers: writers))
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
      let writing = (0..<self.writers).map { _ in EventLoop.shared.spawn { await self.write(group) } }
      await self.read(group)
      for task in writing { await task.value }
      self.done.succeed(())
    }
    EventLoop.shared.spawn { await self.watchLag(watch) }
  }

  package func stop(deadline: Instant) async {
    isStopped = true
    watch?.stop()
    room.signal()
    arrival.signal()
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
    queue.dropAll()
    room.signal()
    switch change {
    case .revoked(let partitions, let lost):
      log.info("partitions were taken away", ["count": partitions.count, "lost": lost])
      for partition in partitions { figures.ended(partition) }
      tables.end(partitions)
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

  // MARK: - Reading

  /// Takes messages and decodes them, a few batches ahead of what is written.
  private func read(_ group: any LogGroup) async {
    while !isStopped {
      guard queue.hasRoom else {
        await room.wait()
        continue
      }
      let messages = await group.next(atMost: BatchSize.most, bytes: BatchSize.bytes)
      guard !isStopped else { return }
      let slices = Dictionary(grouping: messages, by: \.partition).sorted { $0.key < $1.key }
      let turns = slices.map { queue.turn(of: Int($0.key)) }
      for ((partition, slice), turn) in zip(slices, turns) {
        await decode(slice, of: Int(partition), turn)
      }
    }
  }

  private func decode(_ messages: [KafkaMessage], of partition: Int, _ turn: Int) async {
    var records: [(offset: Int64, record: ReadEntry)] = []
    records.reserveCapacity(messages.count)
    for message in messages {
      // What is sent to the database meanwhile leaves in between.
      if records.count % LogWorker.bite == LogWorker.bite - 1 { await ports.clock.sleep(for: .zero) }
      records.append((offset: message.offset, record: LogCodec.read(message.value)))
    }
    var taken = 0
    while let batch = WorkerBatch(partition: partition, records[taken...]) {
      queue.append(ReadBatch(batch, Array(messages[taken...])), turn: turn)
      taken += batch.records.count
    }
    arrival.signal()
  }

  /// What was read of it and is not written is read again, from wherever that begins.
  private func drop(_ partition: Int32) {
    queue.drop(Int(partition))
    room.signal()
  }

  // MARK: - Writing

  private func write(_ group: any LogGroup) async {
    while !isStopped {
      guard let batch = queue.take() else {
        await arrival.wait()
        continue
      }
      room.signal()
      await apply(batch, group)
      queue.finish(batch.batch.partition)
    }
  }

  private func apply(_ read: ReadBatch, _ group: any LogGroup) async {
    var read = read
    let partition = Int32(read.batch.partition)
    let turn = queue.turn(of: read.batch.partition)
    var pause = LogWorker.firstPause
    while !isStopped {
      if let (head, tail) = read.split(after: size(of: read).current) {
        queue.putBack(tail, turn: turn)
        read = head
      }
      let attempt = await attempt(read)
      if case .tryAgain = attempt {
        await wait(pause, read.batch.partition, group)
        pause = min(pause * 2, .seconds(1))
        continue
      }
      goOn(read.batch.partition, group)
      switch attempt {
      case .tryAgain, .failed: return
      case .done(.applied(let result)):
        figures.applied(result, read.batch)
        // Kafka's own offset is a hint for tools; the database has the truth.
        group.commit([partition: result.next])
        if let problem = result.problem { fail("partition \(partition): \(problem.explanation)") }
      case .done(.seek(let offset)):
        // A COMMIT without an answer was one: what the tables have is known only now.
        figures.began(partition, at: offset)
        log.info(
          "reading goes on where the database stands", ["partition": Int(partition), "offset": Int(offset)])
        drop(partition)
        group.seek(partition, to: offset)
      case .done(.stop(let problem)): fail("partition \(partition): \(problem.explanation)")
      }
      return
    }
  }

  private enum Attempt {
    case done(BatchOutcome)
    /// The database does not take it now; the same messages again are right.
    case tryAgain
    /// It can never be taken, and that has been said.
    case failed
  }

  private func attempt(_ read: ReadBatch) async -> Attempt {
    let start = now
    do {
      let outcome = try await tables.apply(read) { self.queue.following(read) }
      figures.seconds.observe(now - start)
      size(of: read) { $0.wasTaken() }
      return .done(outcome)
    } catch let error as PostgresError where error.isUniqueViolation {
      fail("two rules differ: \(error.description)")
    } catch let error as PostgresError {
      size(of: read) { $0.failed(error, wasSlow: now - start >= BatchWriter.patience / 2) }
      trouble.note("the database does not take a batch", error.description)
      return .tryAgain
    } catch {
      fail("\(error)")
    }
    return .failed
  }

  /// Of a partition alone: where others are taken it must not grow again.
  private func size(of read: ReadBatch) -> BatchSize { sizes[read.batch.partition] ?? BatchSize() }

  private func size(of read: ReadBatch, _ change: (inout BatchSize) -> Void) {
    change(&sizes[read.batch.partition, default: BatchSize()])
  }

  /// Until the next attempt nothing is read, unless others are written, and the group is kept.
  private func wait(_ pause: Duration, _ partition: Int, _ group: any LogGroup) async {
    figures.retries.increment()
    troubled.insert(partition)
    if isWriting, troubled.isSuperset(of: queue.underWay) {
      isWriting = false
      group.pause()
    }
    await ports.clock.sleep(for: pause)
  }

  private func goOn(_ partition: Int, _ group: any LogGroup) {
    troubled.remove(partition)
    if troubled.isEmpty { trouble.over() }
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
      drop(partition)
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

/// Wakes the tasks that wait for it. A signal that nobody waits for is not kept: who waits looks first.
@LoopActor
private final class Signal {
  private var waiters: [Completion<Void>] = []

  func signal() {
    let waiters = waiters
    self.waiters = []
    for waiter in waiters { waiter.succeed(()) }
  }

  func wait() async {
    let waiter = Completion<Void>()
    waiters.append(waiter)
    _ = try? await waiter.value()
  }
}
