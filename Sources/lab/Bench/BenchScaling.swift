internal import CouponStore
internal import EventLoop
internal import Foundation
internal import HTTP
internal import Kafka
internal import Postgres
internal import PrivateServers
import Figures
import History
import Laboratory
import Load
import Terminal

/// `lab bench scaling`: what a coupon costs at each station on its way, at several numbers of connections; what many
/// policies give, and what a large stock costs. `scripts/scaling` makes a model of the figures.
@LoopActor
final class ScalingBench {
  enum Part: String, CaseIterable {
    case connections, policies, stock
  }

  struct Options {
    var part = Part.connections
    /// Of each time; each size of the closed loop is measured three times, and the middle one counts.
    var seconds = 2
    var isInstalled = false
    /// Where fewer wait, each claim is sent at once, and the model does not hold.
    var connections = [16, 24, 32, 48, 64, 128, 256, 512]
    /// Policies and partitions, of each run.
    var policies = [(1, 1), (4, 4), (16, 16)]
    var stock = 1_000_000
    /// Where the figures go: those of the other parts stay.
    var file: String
  }

  private let lab: Lab
  private let options: Options
  private var figures: ScalingFigures
  private var child: ChildProcess?

  init(lab: Lab, _ options: Options) throws {
    (self.lab, self.options) = (lab, options)
    guard ProcessTable.mainThreadSeconds(of: getpid()) != nil else {
      throw LabFailure("this system does not say what a thread has used; lab bench scaling needs Linux")
    }
    let known = FileManager.default.contents(atPath: options.file)
    figures = try known.map { try JSONDecoder().decode(ScalingFigures.self, from: $0) } ?? ScalingFigures()
    figures.cores = ProcessInfo.processInfo.activeProcessorCount
  }

  func run() async throws {
    switch options.part {
    case .connections: try await measureConnections()
    case .policies: for (policies, partitions) in options.policies { try await measure(policies, partitions) }
    case .stock: try await measureStock()
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(figures).write(to: URL(fileURLWithPath: options.file))
    Terminal.line("figures: \(options.file); scripts/scaling \(options.file) makes the tables")
  }

  func end() async {
    await endChild()
    await lab.stopAll()
  }

  private func endChild() async {
    guard let running = child else { return }
    child = nil
    running.signal(SIGTERM)
    _ = await running.exit()
  }

  // MARK: - The laboratory

  /// Without a worker: what it costs is measured by itself.
  private func up(partitions: Int) async throws {
    try await lab.reset()
    var up = UpOptions()
    up.architectures = [.eda]
    (up.partitions, up.installedKafka) = (partitions, options.isInstalled)
    try await lab.up(up)
    await lab.stop(.edaWorker)
  }

  private func create(_ policies: Int, quota: Int, of partitions: Int) async throws -> [Int] {
    var ids: [Int] = []
    for index in 0..<policies {
      let wanted = Int32(index % partitions)
      let id = (1...Int(Int32.max)).first { id in
        !ids.contains(id) && murmur2Partition(key: Array(String(id).utf8), partitions: partitions) == wanted
      }
      guard let id else { throw LabFailure("no policy of partition \(wanted)") }
      try await create(id: id, quota: quota)
      ids.append(id)
    }
    return ids
  }

  private func create(id: Int, quota: Int) async throws {
    let policy = PolicyRequest(
      policyId: id, name: "scaling \(id)", startsOn: "2020-01-01", endsOn: "2029-12-31", opensAt: "00:00:00",
      timeZone: "UTC", dailyQuota: quota, perPerson: "once")
    _ = try await Operator(try part(.edaAPI), of: lab.state).create(policy)
  }

  private func part(_ part: LabPart) throws -> LabState.Part {
    guard let found = lab.state.part(part) else { throw LabFailure("\(part.rawValue) does not run") }
    return found
  }

  /// A Java broker takes its time to compile what it runs, and costs several times as much meanwhile.
  private func warmUp(_ next: @escaping NextRequest) async throws {
    let progress = PhaseProgress("warming up")
    defer { progress.abandon() }
    for (connections, seconds) in [(256, 14), (64, 6)] {
      _ = try await ClosedLoop.run(
        port: try part(.edaAPI).port, connections: connections,
        for: .seconds(options.isInstalled ? seconds : 1),
        expecting: 201, next: next)
    }
    progress.end("done")
  }

  // MARK: - Stations

  /// Processor seconds of each station so far.
  private func stations() -> [String: Double] {
    var seconds = ["load": ProcessUsage.cpuSeconds]
    func add(_ name: String, _ pid: Int32?) {
      guard let pid, let all = ProcessTable.cpuSeconds(of: pid) else { return }
      let loop = ProcessTable.mainThreadSeconds(of: pid) ?? all
      seconds["\(name) loop"] = loop
      seconds["\(name) librdkafka"] = all - loop
    }
    add("api", lab.state.part(.edaAPI)?.process.pid)
    add("worker", child?.pid)
    for (name, part) in [("redis", LabPart.redis), ("kafka", .kafka), ("postgres", .postgres)] {
      guard let pid = lab.state.part(part)?.process.pid else { continue }
      let family = [pid] + ProcessTable.descendants(of: pid)
      seconds[name] = family.compactMap { ProcessTable.cpuSeconds(of: $0) }.reduce(0, +)
    }
    return seconds
  }

  /// Microseconds a coupon of each station.
  private func cost(since before: [String: Double], of coupons: Int) -> [String: Double] {
    stations().reduce(into: [:]) { costs, station in
      guard let begun = before[station.key] else { return }
      costs[station.key] = (station.value - begun) * 1e6 / Double(max(1, coupons))
    }
  }

  /// The middle one of three: a server that tidies up in one of them, as Redis rewriting its file, is not what is measured.
  private func load(
    _ connections: Int, expecting status: Int = 201, _ next: @escaping NextRequest
  ) async throws -> ScalingFigures.Load {
    var loads: [ScalingFigures.Load] = []
    for _ in 0..<3 { loads.append(try await once(connections, expecting: status, next)) }
    return loads.sorted { $0.rate < $1.rate }[1]
  }

  /// One closed loop, after a short one that is not counted.
  private func once(
    _ connections: Int, expecting status: Int = 201, _ next: @escaping NextRequest
  ) async throws -> ScalingFigures.Load {
    try lab.interrupt.check()
    let port = try part(.edaAPI).port
    _ = try await ClosedLoop.run(
      port: port, connections: connections, for: .milliseconds(300), expecting: status, next: next)
    let before = stations()
    let result = try await ClosedLoop.run(
      port: port, connections: connections, for: .seconds(options.seconds), expecting: status, next: next)
    guard result.answered > 0, result.wrong == 0 else {
      throw LabFailure("\(result.wrong) wrong answers; the first: \(result.firstWrong ?? "none")")
    }
    guard let p50 = result.latency.milliseconds(0.5), let p99 = result.latency.milliseconds(0.99) else {
      throw LabFailure(
        "\(result.answered) answers are too few for percentiles: measure longer, with --seconds")
    }
    return ScalingFigures.Load(
      connections: connections, rate: Double(result.answered) / result.seconds, p50Ms: p50, p99Ms: p99,
      cost: cost(since: before, of: result.answered))
  }

  // MARK: - Parts

  private func measureConnections() async throws {
    try await up(partitions: 1)
    let ids = try await create(1, quota: 4_000_000, of: 1)
    let people = newPeople(for: ids, requestsAPolicy: .max)
    try await warmUp(people)
    var sizes: [ScalingFigures.Load] = []
    // In an order in which a machine that grows slower does not favour the larger ones.
    let order = options.connections.enumerated().sorted { ($0.0 % 2, $0.0) < ($1.0 % 2, $1.0) }.map(\.element)
    for connections in order {
      let progress = PhaseProgress("\(connections) connections")
      defer { progress.abandon() }
      sizes.append(try await load(connections, people))
      progress.end("\(Numbers.decimal(sizes.last?.rate ?? 0, digits: 0)) coupons a second")
    }
    figures.accepted = sizes.sorted { $0.connections < $1.connections }
    figures.drain = try await drain()
    figures.withWorker = try await load(64, people)
    let soldOut = ids[0] + 1_000_000
    try await create(id: soldOut, quota: 1)
    let crowd = newPeople(for: [soldOut], requestsAPolicy: .max)
    _ = try await ClosedLoop.run(
      port: try part(.edaAPI).port, connections: 1, for: .seconds(5), expecting: 201,
      next: newPeople(for: [soldOut], requestsAPolicy: 1))
    await endChild()
    figures.soldOut = try await load(64, expecting: 409, crowd)
  }

  private func measure(_ policies: Int, _ partitions: Int) async throws {
    try await up(partitions: partitions)
    let ids = try await create(policies, quota: 4_000_000 / policies, of: partitions)
    let sources = ids.map { newPeople(for: [$0], requestsAPolicy: .max) }
    var turn = 0
    let people: NextRequest = {
      turn += 1
      return sources[turn % sources.count]()
    }
    try await warmUp(people)
    let progress = PhaseProgress("\(policies) policies in \(partitions) partitions")
    defer { progress.abandon() }
    let accepted = try await load(64, people)
    let many = try await load(256, people)
    let drain = try await drain()
    figures.policies = figures.policies?.filter { $0.policies != policies || $0.partitions != partitions }
    figures.policies =
      (figures.policies ?? []) + [
        ScalingFigures.Policies(
          policies: policies, partitions: partitions, accepted: accepted, many: many, drain: drain)
      ]
    progress.end("\(Numbers.decimal(drain.rate, digits: 0)) rows a second")
    await end()
  }

  /// Starts the worker, and waits until everything is written.
  private func drain() async throws -> ScalingFigures.Drain {
    let pool = try lab.state.pool(of: .eda)
    defer { EventLoop.shared.spawn { await pool.close() } }
    guard let log = lab.state.log else { throw LabFailure("there is no log") }
    let admin = try KafkaAdmin(configuration: log.client("lab-bench"))
    defer { EventLoop.shared.spawn { await admin.close() } }
    let marks = try await admin.watermarks(
      of: lab.state.topic, partitions: log.partitions, patience: .seconds(10))
    let all = marks.reduce(0) { $0 + $1.high }
    let position = PostgresStatement("SELECT coalesce(sum(next_offset), 0) FROM consumer_offset")
    child = try start(.edaWorker, [:])
    let limit = Instant.now + .seconds(300)
    var first: (position: Int64, at: Instant, stations: [String: Double])?
    while true {
      let next = try await pool.query(position, [], deadline: .now + .seconds(10)).int(0, 0) ?? 0
      if first == nil, next > 0 { first = (next, .now, stations()) }
      if next >= all { break }
      guard child?.isRunning == true, Instant.now < limit else {
        throw LabFailure("the worker does not drain the log")
      }
      await EventLoop.shared.sleep(for: .milliseconds(10))
    }
    guard let first, first.position < all else { throw LabFailure("too few coupons to measure the worker") }
    let seconds = (Instant.now - first.at).milliseconds / 1_000
    let rows = Int(all - first.position)
    return ScalingFigures.Drain(
      rows: rows, rate: Double(rows) / seconds, cost: cost(since: first.stations, of: rows))
  }

  private func start(_ part: LabPart, _ more: [String: String]) throws -> ChildProcess {
    let command = ProgramCommand(part)
    let environment = ProgramCommand.environment(of: part, state: lab.state, options: UpOptions())
    return try ChildProcess.start(
      ChildProcess.Options(
        "\(ProgramCommand.folder)/\(command.executable)", command.arguments,
        environment: environment.merging(more) { $1 }, output: .file(lab.folder.logs + "/bench-\(part).log")))
  }

  // MARK: - A large stock

  private func measureStock() async throws {
    try await up(partitions: 1)
    let api = try part(.edaAPI)
    let ids = try await create(1, quota: options.stock, of: 1)
    var stock = ScalingFigures.Stock(coupons: options.stock)
    let (redis, before) = (lab.state.part(.redis)?.process.pid, memory(api.process.pid))
    let redisBefore = redis.map { memory($0) } ?? 0
    stock.apiBeforeBytes = before
    let progress = PhaseProgress("selling \(Numbers.count(options.stock))")
    defer { progress.abandon() }
    let begun = Instant.now
    let result = try await ClosedLoop.run(
      port: api.port, connections: 256, for: .seconds(300), expecting: 201,
      next: newPeople(for: ids, requestsAPolicy: options.stock))
    guard result.answered == options.stock, result.wrong == 0 else {
      throw LabFailure("\(result.answered) sold, \(result.wrong) wrong: \(result.firstWrong ?? "")")
    }
    stock.soldSeconds = seconds(since: begun)
    progress.end("in \(Numbers.decimal(stock.soldSeconds, digits: 1)) s")
    stock.apiBytes = memory(api.process.pid)
    stock.redisBytes = (redis.map { memory($0) } ?? 0) - redisBefore
    stock.logBytes = logBytes()
    await lab.stop(.edaAPI)
    try await measureStart(&stock)
    stock.drain = try await drain()
    await endChild()
    let pool = try lab.state.pool(of: .eda)
    defer { EventLoop.shared.spawn { await pool.close() } }
    for table in ["coupon", "coupon_event"] {
      let sizes = try await pool.query(
        PostgresStatement("SELECT pg_table_size($1::regclass), pg_indexes_size($1::regclass)"),
        [.text(table)],
        deadline: .now + .seconds(10))
      stock.tables[table] = ScalingFigures.Table(rows: sizes.int(0, 0) ?? 0, indexes: sizes.int(0, 1) ?? 0)
    }
    figures.stock = stock
  }

  private func measureStart(_ stock: inout ScalingFigures.Stock) async throws {
    let file = lab.folder.path + "/ready/bench-api.json"
    try? FileManager.default.removeItem(atPath: file)
    let begun = Instant.now
    let api = try start(.edaAPI, ["READY_FILE": file])
    defer { api.signal(SIGKILL) }
    var port: Int?
    while api.isRunning, Instant.now - begun < .seconds(120) {
      if port == nil, let ready = ReadyNote.read(file), ready.pid == api.pid { port = ready.httpPort }
      if let port, await Readiness.ask(SocketAddress(numericHost: "127.0.0.1", port: port)) == nil {
        stock.startSeconds = seconds(since: begun)
        stock.startCPUSeconds = ProcessTable.cpuSeconds(of: api.pid) ?? 0
        stock.startPeakBytes = ProcessTable.peakResidentBytes(of: api.pid) ?? 0
        api.signal(SIGTERM)
        _ = await api.exit()
        return
      }
      await EventLoop.shared.sleep(for: .milliseconds(20))
    }
    throw LabFailure("the API did not start again; see \(lab.folder.logs)")
  }

  private func seconds(since start: Instant) -> Double { (Instant.now - start).milliseconds / 1_000 }

  /// At its peak: what the process has to be given.
  private func memory(_ pid: Int32) -> Int { ProcessTable.peakResidentBytes(of: pid) ?? 0 }

  /// Of the segments of a private Kafka's log; 0 where it is somebody else's.
  private func logBytes() -> Int {
    let data = lab.folder.path + "/kafka/data"
    let files = FileManager.default.enumerator(atPath: data)?.compactMap { $0 as? String } ?? []
    return files.filter { $0.hasPrefix(lab.state.topic) && $0.hasSuffix(".log") }.reduce(0) { sum, file in
      let size = (try? FileManager.default.attributesOfItem(atPath: "\(data)/\(file)"))?[.size] as? Int
      return sum + (size ?? 0)
    }
  }
}
