internal import CouponDomain
internal import CouponStore
internal import CouponWorker
internal import EventLoop
internal import Faults
internal import Foundation
internal import HTTP
internal import Kafka
internal import Operations
internal import Postgres
internal import PrivateServers
import History
import Laboratory
import Terminal
internal import Text

/// `lab bench drain`: how fast the worker writes a log that it is behind of, beside the same rows inserted by batches that
/// are made beforehand, without a log and without a fold. Both into new tables of the same schema, in turn.
@LoopActor
final class DrainBench {
  struct Options {
    var coupons = 100_000
    var rounds = 3
    var partitions: Int?
    /// Of the log, at least one a partition; nil: one a partition.
    var policies: Int?
    /// Milliseconds by which the database answers later, both to the worker and to the bare insert.
    var latency: Int?
    var isInstalled = false
    /// Whether the log stays where it is put: not with the embedded broker.
    var keepsTheLog: Bool { isInstalled || UpOptions().named("KAFKA_BROKERS") != nil }
  }

  /// Of one partition: less than the embedded broker keeps.
  private static let embeddedCoupons = 15_000
  /// Above it are the policies of the log that is drained.
  private static let firstPolicy = 1_000
  private static let day = Day(year: 2026, month: 1, day: 1)
  /// Rows that are looked for one by one, to see when each is there.
  private static let latencies = 200

  private let lab: Lab
  private let options: Options
  private let partitions: Int
  private let key: CouponKey
  private let schema: Schema
  /// Of each partition.
  private var policies: [[Policy]] = []
  /// What a worker that folds nothing would write, for each partition.
  private var records: [[BatchRecord]] = []
  private let latency: FaultSpec?
  private let board: FaultBoard?
  private(set) var figures = DrainFigures()

  init(lab: Lab, _ options: Options) throws {
    (self.lab, self.options) = (lab, options)
    partitions =
      options.partitions
      ?? (options.keepsTheLog ? 1 : max(1, (options.coupons - 1) / DrainBench.embeddedCoupons + 1))
    guard let key = CouponKey(lab.state.couponKey), let schema = Schema("drain") else {
      throw LabFailure("the laboratory has no key")
    }
    (self.key, self.schema) = (key, schema)
    latency = try options.latency.map {
      try FaultSpec(kind: .latency, latencyMs: $0, ttlSeconds: FaultSpec.longestSeconds)
    }
    board = latency.map { _ in
      FaultBoard(
        targets: [.database], log: Log(program: "lab", level: .error, output: LogOutput(maximumPending: 0)),
        metrics: Metrics())
    }
    if !options.keepsTheLog, options.coupons > partitions * DrainBench.embeddedCoupons {
      throw UsageError(
        "the embedded broker keeps \(Numbers.count(DrainBench.embeddedCoupons)) coupons of a partition; use more "
          + "--partitions or --kafka installed")
    }
  }

  // MARK: - Before

  func prepare() async throws {
    var up = UpOptions()
    up.architectures = [.eda]
    (up.partitions, up.installedKafka) = (partitions, options.isInstalled)
    try await lab.up(up)
    guard let api = lab.state.part(.edaAPI) else { throw LabFailure("the laboratory did not start whole") }
    try await measureLatency(api)
    // From here on the log is written directly, and its readers would only be in the way.
    for part in [LabPart.edaAPI, .edaWorker] { await lab.stop(part) }
    try await fill()
  }

  private func fill() async throws {
    guard let log = lab.state.log, let day = DrainBench.day else { return }
    let progress = PhaseProgress("filling the log")
    defer { progress.abandon() }
    var events = EventIDSource()
    let writer = try LogWriter(log.client("lab-bench"), topic: lab.state.topic, partitions: partitions)
    let all = max(partitions, options.policies ?? partitions)
    policies = try (0..<partitions).map { index in
      try newPolicies(all / partitions + (index < all % partitions ? 1 : 0), of: Int32(index))
    }
    var rest = options.coupons
    for (index, policies) in policies.enumerated() {
      let count = rest / (partitions - index)
      rest -= count
      var done: [BatchRecord] = []
      var record = BatchRecord(topic: lab.state.topic, partition: Int32(index))
      for policy in policies {
        let created = PolicyCreated(eventID: events.next(), policy: policy, key: key)
        try await writer.send(LogCodec.encode(.policyCreated(created)), of: policy.id)
        record.add(created, payload: LogCodec.encode(.policyCreated(created)))
      }
      for number in 0..<count {
        let policy = policies[number % policies.count]
        let claim = key.claim(
          events.next(), by: try person(index << 32 | number), on: day, of: policy,
          at: Timestamp(microseconds: 1_767_225_600_000_000 + Int64(number)))
        let payload = LogCodec.encode(claim)
        try await writer.send(payload, of: policy.id)
        let rank = number / policies.count + 1
        record.add(Coupon(claim: claim, rank: rank), of: policy, issued: rank, payload: payload)
        if record.events.count >= BatchSize.most || number == count - 1 {
          done.append(record)
          record = BatchRecord(topic: lab.state.topic, partition: Int32(index))
        }
      }
      records.append(done)
      progress.update(Double(index + 1) / Double(partitions))
    }
    try await writer.end()
    progress.end(
      "\(Numbers.count(options.coupons)) coupons of \(all) policies in \(partitions) partitions")
  }

  /// The first policies of a partition that nobody has used.
  private func newPolicies(_ count: Int, of partition: Int32) throws -> [Policy] {
    let numbers = (DrainBench.firstPolicy...Int(Int32.max)).lazy.filter { number in
      murmur2Partition(key: Array(String(number).utf8), partitions: self.partitions) == partition
    }
    guard let first = Day(year: 2025, month: 12, day: 1), let opensAt = TimeOfDay(seconds: 0) else {
      return []
    }
    return try numbers.prefix(count).compactMap { PolicyID($0) }.map { id in
      try Policy(
        id: id, name: "drain", startsOn: first, endsOn: first.advanced(by: 60), opensAt: opensAt,
        timeZone: "UTC", dailyQuota: 1_000_000, perPerson: .once)
    }
  }

  /// In no order that an index could use, and each once.
  private func person(_ number: Int) throws -> UserID {
    var bits = UInt64(number) &* 0x9e37_79b9_7f4a_7c15
    bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
    guard let user = UserID("p" + String(bits ^ bits >> 27, radix: 16)) else {
      throw LabFailure("no name for a person")
    }
    return user
  }

  // MARK: - From an answer to its row

  private func measureLatency(_ api: LabState.Part) async throws {
    let policy = PolicyRequest(
      policyId: 1, name: "latency", startsOn: "2020-01-01", endsOn: "2029-12-31", opensAt: "00:00:00",
      timeZone: "UTC", dailyQuota: 100_000, perPerson: "once")
    _ = try await Operator(api, of: lab.state).create(policy)
    let client = HTTPClient(HTTPClientConfiguration(address: api.address, maxConnections: 1))
    defer { client.close() }
    let pool = try lab.state.pool(of: .eda)
    defer { EventLoop.shared.spawn { await pool.close() } }
    let look = PostgresStatement(
      "SELECT 1 FROM coupon WHERE policy_id = 1 AND user_id = $1 AND period = '2020-01-01'")
    let progress = PhaseProgress("one coupon at a time")
    defer { progress.abandon() }
    for number in 0..<DrainBench.latencies {
      let person = "alone-\(number)"
      let request = HTTPRequest(.post, "/v1/policies/1/coupons", headers: [("X-User-Id", person)])
      let answer = try await client.send(request, deadline: .now + .seconds(10))
      guard answer.status == 201 else { throw LabFailure("\(answer.status) instead of a coupon") }
      let told = Instant.now
      while try await pool.query(look, [.text(person)], deadline: .now + .seconds(5)).count == 0 {
        guard Instant.now - told < .seconds(20) else { throw LabFailure("a coupon without a row") }
      }
      figures.latencies.append((Instant.now - told).milliseconds)
    }
    progress.end("measured")
  }

  // MARK: - A round

  func run(round: Int) async throws {
    let progress = PhaseProgress("round \(round) of \(options.rounds)")
    defer { progress.abandon() }
    let parts = partitions == 1 ? [insertBare, drain] : [insertBare, insertAtOnce, drain]
    for part in round % 2 == 1 ? parts : parts.reversed() {
      try lab.interrupt.check()
      try await part()
    }
    progress.end("measured")
  }

  private func withTables(_ body: (PostgresPool) async throws -> Void) async throws {
    guard let url = lab.state.database?.url else { throw LabFailure("there is no database") }
    let pool = PostgresPool(
      configuration: try PostgresConfiguration(url: url), size: partitions + 1, maxWaiting: partitions + 4,
      sessionSettings: schema.sessionSettings, name: "lab-bench",
      seam: board.map { SwitchedServer($0, .database) })
    defer { EventLoop.shared.spawn { await pool.close() } }
    try await schema.drop(pool, deadline: .now + .seconds(60))
    try await schema.prepare(pool, key: key, deadline: .now + .seconds(60))
    // Neither pays for the other's pages.
    _ = try await pool.query(PostgresStatement("CHECKPOINT"), [], deadline: .now + .seconds(120))
    try await body(pool)
    let counts = try await pool.query(
      PostgresStatement(
        """
        SELECT count(*), count(DISTINCT (policy_id, rank)),
          (SELECT count(*) FROM coupon_event WHERE policy_id >= $1)
        FROM coupon WHERE policy_id >= $1
        """), [.init(DrainBench.firstPolicy)], deadline: .now + .seconds(60))
    let expected = Int64(options.coupons)
    guard counts.int(0, 0) == expected, counts.int(0, 1) == expected,
      counts.int(0, 2) == expected + Int64(policies.joined().count)
    else { throw LabFailure("not the rows that the log has: \(counts.int(0, 0) ?? 0) of \(expected)") }
  }

  private func insertBare() async throws {
    try await withTables { pool in
      let calls = records.joined().map(\.statements)
      try slow()
      let start = Instant.now
      try await insert(calls, pool)
      figures.bare.append(Double(options.coupons) / seconds(since: start))
      board?.clear(.database)
    }
  }

  /// Each partition's rows in their order, on a connection of its own.
  private func insertAtOnce() async throws {
    try await withTables { pool in
      let calls = records.map { $0.map(\.statements) }
      try slow()
      let start = Instant.now
      let ends = calls.map { calls in
        let end = Completion<Void>()
        EventLoop.shared.spawn {
          do { end.succeed(try await self.insert(calls, pool)) } catch { end.fail(error) }
        }
        return end
      }
      for end in ends { try await end.value() }
      figures.atOnce.append(Double(options.coupons) / seconds(since: start))
      board?.clear(.database)
    }
  }

  private func insert(_ calls: [[SQLCall]], _ pool: PostgresPool) async throws {
    for statements in calls {
      try await pool.transaction(deadline: .now + .seconds(60)) { _ = try await $0.finish(statements) }
    }
  }

  /// The bare insert's database, as slow as the worker's.
  private func slow() throws {
    guard let latency else { return }
    board?.set(.database, latency, now: .now)
  }

  private func seconds(since start: Instant) -> Double { (Instant.now - start).milliseconds / 1_000 }

  /// From the first batch that is seen in the tables to the last.
  private func drain() async throws {
    try await withTables { pool in
      let child = try startWorker()
      defer { child.signal(SIGKILL) }
      try await slowDown(child)
      let position = PostgresStatement("SELECT coalesce(sum(next_offset), 0) FROM consumer_offset")
      let (all, limit) = (try await end(), Instant.now + .seconds(600))
      var first: (position: Int64, at: Instant, cpu: Double)?
      while true {
        let next = try await pool.query(position, [], deadline: .now + .seconds(10)).int(0, 0) ?? 0
        if first == nil, next > 0 { first = (next, .now, ProcessTable.cpuSeconds(of: child.pid) ?? 0) }
        if next >= all { break }
        guard child.isRunning, Instant.now < limit else {
          throw LabFailure("the worker does not drain the log")
        }
        await EventLoop.shared.sleep(for: .milliseconds(10))
      }
      guard let first, first.position < all else { throw LabFailure("too few coupons to measure") }
      let rows = Double(all - first.position)
      figures.drain.append(rows / seconds(since: first.at))
      figures.cpu.append(((ProcessTable.cpuSeconds(of: child.pid) ?? 0) - first.cpu) * 1e6 / rows)
      figures.peak.append(Double(ProcessTable.peakResidentBytes(of: child.pid) ?? 0) / 1_048_576)
      child.signal(SIGTERM)
      _ = await child.exit()
    }
  }

  private func end() async throws -> Int64 {
    guard let log = lab.state.log else { return 0 }
    let admin = try KafkaAdmin(configuration: log.client("lab-bench"))
    defer { EventLoop.shared.spawn { await admin.close() } }
    let marks = try await admin.watermarks(
      of: lab.state.topic, partitions: partitions, patience: .seconds(10))
    return marks.reduce(0) { $0 + $1.high }
  }

  private var readyFile: String { lab.folder.path + "/ready/bench-worker.json" }

  /// Before it has its partitions.
  private func slowDown(_ child: ChildProcess) async throws {
    guard let latency else { return }
    while child.isRunning {
      if let ready = ReadyNote.read(readyFile), ready.pid == child.pid, let port = ready.adminPort {
        let answer = try await HTTPClient.ask(
          SocketAddress(numericHost: "127.0.0.1", port: port),
          HTTPRequest(
            .put, "/admin/faults/database",
            headers: [
              ("Authorization", "Bearer \(lab.state.adminToken)"), ("Content-Type", "application/json"),
            ], body: Array(latency.json.utf8)), within: .seconds(5))
        guard answer.status == 200 else { throw LabFailure("the worker's fault switch: \(answer.status)") }
        return
      }
      await EventLoop.shared.sleep(for: .milliseconds(5))
    }
    throw LabFailure("the worker has ended; see \(lab.folder.logs)/bench-worker.log")
  }

  private func startWorker() throws -> ChildProcess {
    let command = ProgramCommand(.edaWorker)
    var environment = ProgramCommand.environment(of: .edaWorker, state: lab.state, options: UpOptions())
    // The owner's login: the program's own may not enter these tables.
    environment["DATABASE_URL"] = lab.state.database?.url
    environment["DATABASE_SCHEMA"] = schema.name
    environment["READY_FILE"] = readyFile
    try? FileManager.default.removeItem(atPath: readyFile)
    return try ChildProcess.start(
      ChildProcess.Options(
        "\(ProgramCommand.folder)/\(command.executable)", command.arguments, environment: environment,
        output: .file(lab.folder.logs + "/bench-worker.log")))
  }

  func table() -> [String] {
    let slow = options.latency.map { ", the database \($0) ms away" } ?? ""
    return figures.table(
      "\(Numbers.count(options.coupons)) coupons of \(policies.joined().count) policies in \(partitions) partitions\(slow)"
    )
  }
}
