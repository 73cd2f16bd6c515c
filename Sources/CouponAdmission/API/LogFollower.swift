import CouponLog
import CouponStore
import EventLoop
import Kafka
import Operations
import Postgres

/// Finds or makes the log's topic, makes sure that it is the one that the database remembers, and reads it from its
/// beginning.
///
///     Kafka answers? ─▶ topic there? ─(no: made, while the database holds no offset of it)─▶ settings, low = 0
///        └ waits ┘                                                                       ─▶ tail from 0
///     the database answers, now or later ─▶ the same length and the same first messages, or the program ends
@LoopActor
final class LogFollower {
  /// What it tells its owner.
  struct Handlers {
    /// The log's end when the reading began.
    let onTarget: @LoopActor (_ partition: Int, _ offset: Int64) -> Void
    let onMessages: @LoopActor ([KafkaMessage]) -> Void
    /// This partition cannot be read on.
    let onProblem: @LoopActor (_ partition: Int, _ problem: LogProblem) -> Void
    /// The log is another one, as this partition shows: none of its partitions may be read on, nor written.
    let onOther: @LoopActor (_ partition: Int, _ problem: LogProblem) -> Void
    /// The next offset that has not been taken in yet.
    let next: @LoopActor (_ partition: Int) -> Int64
    /// The broker has answered where a partition ends.
    let onEnd: @LoopActor (_ partition: Int, _ end: Int64, _ askedAt: Instant) -> Void
    /// The program must end: one line for the operator.
    let onFailure: @LoopActor (_ reason: String) -> Void
  }

  private let settings: KafkaSettings
  private let configuration: KafkaConfiguration
  private let offsets: OffsetMemory
  private let keys: KeyMemory
  private let handlers: Handlers
  private let trouble: TroubleLog
  private var admin: KafkaAdmin?
  private var watch: LogWatch?
  private var tail: KafkaTail?
  /// Stands between each turn's reading and the broker.
  var seam: (any CallSeam)?
  private var isStopped = false
  private var firstHashes: [Int32: [UInt8]] = [:]
  private var remembered: [Int32: OffsetRow]?
  /// Where each partition ended, and when that was asked.
  private var ends: [Int: (end: Int64, askedAt: Instant)] = [:]

  /// When the broker last answered.
  private var answeredAt = Instant(nanoseconds: 0)

  private static let callPatience = Duration.seconds(3)
  private static let pause = Duration.milliseconds(200)

  init(
    _ settings: KafkaSettings, _ configuration: KafkaConfiguration, offsets: OffsetMemory, keys: KeyMemory,
    log: Log, handlers: Handlers
  ) {
    self.keys = keys
    (self.settings, self.configuration, self.offsets) = (settings, configuration, offsets)
    self.handlers = handlers
    trouble = TroubleLog(log)
  }

  /// Whether a broker answers.
  var isReachable: Bool {
    (tail?.isReachable ?? false) && Instant.now - answeredAt <= LogContact.bound
  }

  func start() throws {
    let admin = try KafkaAdmin(configuration: configuration)
    self.admin = admin
    EventLoop.shared.spawn {
      do {
        try await self.begin(admin)
      } catch {
        if !self.isStopped { self.handlers.onFailure("\(error)") }
      }
    }
  }

  func stop() async {
    isStopped = true
    watch?.stop()
    await tail?.close()
    await admin?.close()
  }

  // MARK: - The start

  private func begin(_ admin: KafkaAdmin) async throws {
    guard let cluster = try await findTopic(admin), let topic = cluster.topic else { return }
    try await check(topic, of: cluster, admin)
    // The database is read before the log's end: what it has applied is in the log by then.
    let known = await offsets.read(deadline: .now + .seconds(2))
    let isChecked = try await checkKey()
    let askedAt = Instant.now
    guard let ends = try await ends(admin) else { return }
    if let known {
      try compare(known, ends: Dictionary(uniqueKeysWithValues: ends.enumerated().map { ($0, $1) }))
    }
    answeredAt = .now
    for (partition, end) in ends.enumerated() {
      handlers.onTarget(partition, end)
      handlers.onEnd(partition, end, askedAt)
    }
    guard !isStopped else { return }
    let watch = watch(admin, partitions: ends.count)
    self.watch = watch
    try startTail(from: ends.count, isMock: cluster.isMock)
    EventLoop.shared.spawn { await self.keepAsking(watch) }
    if known == nil || !isChecked { await compareLater(partitions: ends.count) }
  }

  /// Waits for Kafka and for the topic, and makes the topic where that is safe; nil when stopped meanwhile.
  private func findTopic(_ admin: KafkaAdmin) async throws -> KafkaCluster? {
    while !isStopped {
      do throws(KafkaError) {
        let cluster = try await admin.describe(settings.topic, deadline: .now + Self.callPatience)
        if let topic = cluster.topic, topic.leaderless == 0 {
          trouble.over()
          return cluster
        }
        if cluster.topic == nil, !cluster.isMock { try await make(admin, brokers: cluster.brokers) }
      } catch {
        trouble.note("Kafka does not answer", error.description)
      }
      if let failure { throw failure }
      await EventLoop.shared.sleep(for: Self.pause)
    }
    return nil
  }

  private var failure: StartRefusal?

  private func make(_ admin: KafkaAdmin, brokers: Int) async throws(KafkaError) {
    guard let known = await offsets.read(deadline: .now + .seconds(2)) else {
      return trouble.note("the topic is made when the database answers", settings.topic)
    }
    guard known.isEmpty else {
      failure = StartRefusal("the log \(settings.topic) is gone; `lab rebuild --log` fills a new one")
      return
    }
    do {
      if let other = try await offsets.otherSchema(deadline: .now + .seconds(2)) {
        failure = StartRefusal(
          "the log \(settings.topic) is gone, and not this schema but \(other.name) remembers it: DATABASE_SCHEMA may be "
            + "mistyped; `lab rebuild --log` fills a new log; another installation needs a KAFKA_TOPIC of its own"
        )
        return
      }
    } catch {
      return trouble.note("the topic is made when the database answers", settings.topic)
    }
    let replicas = LogTopic.replicas(settings.replicas, brokers: brokers, named: settings.brokers)
    guard brokers >= replicas else {
      return trouble.note(
        "the topic is made when more brokers answer",
        "\(settings.topic) is to have \(replicas) copies, and \(brokers) brokers answer; KAFKA_REPLICAS says how many"
      )
    }
    _ = try await admin.createTopic(
      settings.topic, partitions: settings.partitions, replicas: replicas,
      settings: LogTopic.settings(replicas: replicas), deadline: .now + Self.callPatience)
  }

  private func check(_ topic: KafkaTopic, of cluster: KafkaCluster, _ admin: KafkaAdmin) async throws {
    let told =
      cluster.isMock
      ? nil
      : try await patiently { () throws(KafkaError) in
        try await admin.configuration(of: topic.name, deadline: .now + Self.callPatience)
      }
    let objection = LogTopic.objection(
      partitions: topic.partitions, expected: settings.partitions, replicas: topic.replicas,
      wanted: LogTopic.replicas(settings.replicas, brokers: cluster.brokers, named: ""), settings: told)
    if let objection { throw StartRefusal("KAFKA_TOPIC \(topic.name): \(objection)") }
  }

  /// The end of every partition, each of which must have its beginning.
  private func ends(_ admin: KafkaAdmin) async throws -> [Int64]? {
    let marks = try await patiently { () throws(KafkaError) in
      try await admin.watermarks(
        of: self.settings.topic, partitions: self.settings.partitions, patience: Self.callPatience)
    }
    for (partition, mark) in (marks ?? []).enumerated() where mark.low != 0 {
      throw StartRefusal(label(of: Int(partition)) + LogProblem.beginningGone(low: mark.low).explanation)
    }
    return marks?.map(\.high)
  }

  /// Asks again until Kafka answers; nil when stopped meanwhile.
  private func patiently<Value: Sendable>(
    _ call: @LoopActor () async throws(KafkaError) -> Value
  ) async throws -> Value? {
    while !isStopped {
      do throws(KafkaError) {
        return try await call()
      } catch {
        switch error {
        case .unavailable, .queueFull: trouble.note("Kafka does not answer", error.description)
        case .unsupported, .refused, .misconfigured: throw error
        }
      }
      await EventLoop.shared.sleep(for: Self.pause)
    }
    return nil
  }

  private func startTail(from partitions: Int, isMock: Bool) throws(KafkaError) {
    var options = isMock ? .forMockBroker : KafkaTail.Options()
    options.valueLimit = BatchRecord.readBytes
    options.keepsKeys = false
    let tail = KafkaTail(
      configuration: configuration, topic: settings.topic, from: Array(repeating: 0, count: partitions),
      options: options,
      onMessages: { [weak self] messages in self?.take(messages) },
      onProblem: { [weak self] problem in self?.take(problem) })
    tail.seam = seam
    self.tail = tail
    try tail.start()
  }

  // MARK: - Still the same log?

  private func watch(_ admin: KafkaAdmin, partitions: Int) -> LogWatch {
    let watch = LogWatch(
      topic: settings.topic, questions: admin, clock: .real, trouble: trouble,
      handlers: LogWatch.Handlers(
        next: { [handlers] partition in handlers.next(Int(partition)) },
        onEnd: { [weak self] partition, end, askedAt in
          guard let self else { return }
          answeredAt = .now
          ends[Int(partition)] = (end, askedAt)
          handlers.onEnd(Int(partition), end, askedAt)
        },
        onOther: { [weak self] partition, problem in
          guard let self else { return }
          isOther(partition, problem)
        }))
    watch.watch(Array(0..<Int32(partitions)))
    return watch
  }

  private func isOther(_ partition: Int32, _ problem: LogProblem) {
    watch?.stop()
    handlers.onOther(Int(partition), problem)
  }

  private func keepAsking(_ watch: LogWatch) async {
    while !isStopped {
      await EventLoop.shared.sleep(for: LogWatch.interval)
      guard !isStopped else { return }
      if await watch.ask(), tail?.isReachable ?? false { trouble.over() }
    }
  }

  // MARK: - The same log as the database's?

  /// An API starts without a database; when one answers, it has to know this log.
  private func compareLater(partitions: Int) async {
    var rest = Set(0..<partitions)
    var known: (rows: [Int32: OffsetRow], at: Instant)?
    var isChecked = false
    while !isStopped, !rest.isEmpty || !isChecked {
      await EventLoop.shared.sleep(for: .seconds(1))
      if known == nil, let rows = await offsets.read(deadline: .now + .seconds(2)) { known = (rows, .now) }
      guard !isStopped, let known else { continue }
      do {
        // A role that may not read the key's table still may not serve another log.
        isChecked = try await checkKey()
        // What the database had applied when it was read is in the log that is asked after that.
        let fresh = ends.filter { rest.contains($0.key) && $0.value.askedAt >= known.at }
        try compare(known.rows, ends: fresh.mapValues(\.end))
        rest.subtract(fresh.keys)
      } catch {
        handlers.onFailure("\(error)")
        return
      }
    }
  }

  /// - Returns: false where the database does not answer.
  private func checkKey() async throws(StartRefusal) -> Bool {
    guard let isOther = await keys.isOther(deadline: .now + .seconds(2)) else { return false }
    if isOther { throw StartRefusal(SchemaError.otherKey.description) }
    return true
  }

  private func compare(_ known: [Int32: OffsetRow], ends: [Int: Int64]) throws {
    remembered = known
    for (partition, end) in ends.sorted(by: { $0.key < $1.key }) {
      let index = Int32(partition)
      guard let memory = known[index] else { continue }
      // A first message that has not been read yet is compared when it is.
      let hash = firstHashes[index] ?? memory.firstHash
      let shown = LogStart.Shown(low: 0, high: end, firstHash: end == 0 ? nil : hash)
      if let problem = LogStart.problem(of: shown, remembered: memory) {
        throw StartRefusal(label(of: partition) + problem.explanation)
      }
    }
  }

  private func label(of partition: Int) -> String {
    "KAFKA_TOPIC \(settings.topic), partition \(partition): "
  }

  // MARK: - The tail

  private func take(_ messages: [KafkaMessage]) {
    for message in messages where message.offset == 0 {
      let hash = message.firstHash
      firstHashes[message.partition] = hash
      watch?.read(first: hash, of: message.partition)
      guard let memory = remembered?[message.partition]?.firstHash, memory != hash else { continue }
      handlers.onFailure(label(of: Int(message.partition)) + LogProblem.madeAnew.explanation)
      return
    }
    trouble.over()
    handlers.onMessages(messages)
  }

  private func take(_ problem: KafkaProblem) {
    switch problem {
    // What was read of one partition is gone: the other partitions are of another log, too.
    case .reset(let partition, _):
      isOther(partition, .reset)
    case .gap(let partition, let expected, let found):
      handlers.onProblem(Int(partition), .gap(expected: expected, found: found))
    case .missing(let reason), .unreachable(let reason): trouble.note("Kafka does not answer", reason)
    case .refused(let reason): trouble.note("Kafka refuses this program", reason)
    }
  }
}
