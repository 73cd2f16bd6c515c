internal import CouponStore
internal import EventLoop
internal import Foundation
internal import Kafka
internal import PrivateServers
import Laboratory
import Load
import Terminal
import History

extension LabCommand {
  static let bench = LabCommand(
    "bench", "what a request costs, beside an HTTP server that answers a constant and beside pgbench",
    usage: """
      [--rounds N] [--seconds N]
      drain [--coupons N] [--rounds N] [--partitions N] [--policies N] [--latency MS] [--kafka installed]
      scaling [connections|policies|stock] [--seconds N] [--stock N] [--file FILE] [--kafka installed]
      """,
    options: [
      ("drain", "instead: how fast the worker writes a log, beside a bare insert of the same rows"),
      ("scaling", "instead: what a coupon costs at each station, for the model of scripts/scaling"),
      ("--stock N", "of the one policy whose cost `scaling stock` measures; 1,000,000"),
      ("--file FILE", "that the figures are added to; scaling.json"),
      ("--coupons N", "in the log that is drained; 100,000"),
      ("--partitions N", "of that log; one, or as many as the embedded broker needs"),
      ("--policies N", "of that log; one a partition"),
      ("--latency MS", "by which the database answers later, to the worker as to the bare insert"),
      ("--kafka installed", "an installed Kafka (KAFKA_HOME) instead of the embedded broker"),
      ("--rounds N", "how often each part is measured, in turn; 3"),
      ("--seconds N", "how long each time; 3, of scaling 2"),
      ("KAFKA_BROKERS=… and others", "your own servers, as with lab up"),
    ]
  ) { arguments, folder in
    if arguments.flag("scaling") { return try await scaling(&arguments, folder) }
    if arguments.flag("drain") { return try await drain(&arguments, folder) }
    let rounds = try arguments.number("--rounds", in: 1...100) ?? 3
    let seconds = try arguments.number("--seconds", in: 1...60) ?? 3
    try arguments.finish()
    // A laboratory of its own: the one in use is left alone.
    let lab = try Lab.open(LabFolder(path: folder.path + "/bench"), interrupt: .shared)
    let bench = Bench(lab: lab, seconds: seconds, rounds: rounds)
    do {
      try await lab.reset()
      try await bench.prepare()
      for round in 1...rounds { try await bench.run(round: round, of: rounds) }
      for line in bench.table() { Terminal.line(line) }
    } catch {
      await bench.end()
      throw error
    }
    await bench.end()
    return 0
  }

  @LoopActor
  private static func drain(_ arguments: inout CommandArguments, _ folder: LabFolder) async throws -> Int32 {
    var options = DrainBench.Options()
    options.coupons = try arguments.number("--coupons", in: 5_000...5_000_000) ?? options.coupons
    options.rounds = try arguments.number("--rounds", in: 1...100) ?? options.rounds
    options.partitions = try arguments.number("--partitions", in: 1...1_024)
    options.policies = try arguments.number("--policies", in: 1...1_024)
    options.latency = try arguments.number("--latency", in: 1...1_000)
    options.isInstalled = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    try arguments.finish()
    let lab = try Lab.open(LabFolder(path: folder.path + "/bench"), interrupt: .shared)
    do {
      try await lab.reset()
      let bench = try DrainBench(lab: lab, options)
      try await bench.prepare()
      for round in 1...options.rounds { try await bench.run(round: round) }
      for line in bench.table() { Terminal.line(line) }
    } catch {
      await lab.stopAll()
      throw error
    }
    await lab.stopAll()
    return 0
  }
}

extension LabCommand {
  @LoopActor
  private static func scaling(_ arguments: inout CommandArguments, _ folder: LabFolder) async throws -> Int32
  {
    var options = ScalingBench.Options(file: try arguments.option("--file") ?? "scaling.json")
    for part in ScalingBench.Part.allCases where arguments.flag(part.rawValue) { options.part = part }
    options.seconds = try arguments.number("--seconds", in: 1...60) ?? options.seconds
    options.stock = try arguments.number("--stock", in: 10_000...5_000_000) ?? options.stock
    options.isInstalled = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    try arguments.finish()
    let lab = try Lab.open(LabFolder(path: folder.path + "/bench"), interrupt: .shared)
    let bench = try ScalingBench(lab: lab, options)
    do { try await bench.run() } catch {
      await bench.end()
      throw error
    }
    await bench.end()
    return 0
  }
}

/// Measures every part in turn, so that a machine that grows slower does so for all of them.
@LoopActor
final class Bench {
  /// Coupons of one partition: less than the embedded broker keeps of it.
  static let couponsAPolicy = 15_000

  let lab: Lab
  let seconds: Int
  /// Of the bench's log: the usual number, or as many as 30,000 coupons a second need, twice in each round.
  let partitions: Int
  var figures = BenchFigures()
  private var constant: ChildProcess?
  private var constantPort = 0
  private var accepted: NextRequest?
  private var crowd: NextRequest?
  private var row: NextRequest?
  private var pgbench: PgBench?

  init(lab: Lab, seconds: Int, rounds: Int) {
    (self.lab, self.seconds) = (lab, seconds)
    partitions = max(8, 2 * seconds * rounds * 30_000 / Bench.couponsAPolicy)
  }

  // MARK: - Before and after

  func prepare() async throws {
    var options = UpOptions()
    options.partitions = partitions
    try await lab.up(options)
    try await startConstant()
    guard let eda = lab.state.part(.edaAPI), let monolith = lab.state.part(.monolith),
      let database = lab.state.database
    else { throw LabFailure("the laboratory did not start whole") }
    let edaOperator = Operator(eda, of: lab.state)
    var policies: [Int] = []
    for id in onePolicyAPartition() {
      policies.append(try await create(edaOperator, id: id, quota: Bench.couponsAPolicy))
    }
    let soldOut = try await create(edaOperator, id: 1_000_000, quota: 1)
    accepted = newPeople(for: policies, requestsAPolicy: Bench.couponsAPolicy)
    crowd = newPeople(for: [soldOut], requestsAPolicy: .max)
    row = newPeople(
      for: [try await create(Operator(monolith, of: lab.state), id: 1, quota: 10_000_000)],
      requestsAPolicy: .max)
    let last = newPeople(for: [soldOut], requestsAPolicy: 1)
    _ = try await ClosedLoop.run(
      port: eda.port, connections: 1, for: .seconds(5), expecting: 201, next: last)
    let pgbench = PgBench(url: database.url, folder: lab.folder.path)
    try await pgbench.prepare()
    self.pgbench = pgbench
  }

  /// Ends everything that was started, however far that was.
  func end() async {
    constant?.signal(SIGTERM)
    let patience = EventLoop.shared.schedule(after: .seconds(5)) { [constant] in constant?.signal(SIGKILL) }
    _ = await constant?.exit()
    patience.cancel()
    await lab.stopAll()
  }

  private func startConstant() async throws {
    let log = lab.folder.logs + "/bench-constant.log"
    let ready = lab.folder.path + "/ready/bench-constant.json"
    for file in [log, ready] { try? FileManager.default.removeItem(atPath: file) }
    let child = try ChildProcess.start(
      .init(
        ProgramCommand.folder + "/lab", ["bench-constant", ready],
        environment: ProcessInfo.processInfo.environment,
        output: .file(log)))
    constant = child
    lab.interrupt.onCome { child.signal(SIGTERM) }
    let deadline = Instant.now + .seconds(10)
    while Instant.now < deadline, child.isRunning {
      if let port = ReadyNote.read(ready)?.httpPort {
        constantPort = port
        return
      }
      await EventLoop.shared.sleep(for: .milliseconds(10))
    }
    throw LabFailure("the constant server did not start; see \(log)")
  }

  private func create(_ operator: Operator, id: Int, quota: Int) async throws -> Int {
    let policy = PolicyRequest(
      policyId: id, name: "bench \(id)", startsOn: "2020-01-01", endsOn: "2029-12-31", opensAt: "00:00:00",
      timeZone: "UTC", dailyQuota: quota, perPerson: "once")
    return try await `operator`.create(policy).policyId ?? id
  }

  /// The first policy id of each partition.
  private func onePolicyAPartition() -> [Int] {
    var taken = Set<Int32>()
    return (1...10_000).filter { id in
      taken.insert(murmur2Partition(key: Array(String(id).utf8), partitions: partitions)).inserted
    }
  }

  // MARK: - A round

  func run(round: Int, of rounds: Int) async throws {
    let progress = PhaseProgress("round \(round) of \(rounds)")
    guard let constant, let accepted, let crowd, let row, let pgbench else {
      throw LabFailure("the laboratory is not prepared")
    }
    try await measure(
      .constant, port: constantPort, pid: constant.pid, connections: 64, expecting: 200, crowd)
    try await measure(.edaAccepted, .edaAPI, connections: 64, expecting: 201, accepted)
    try await measure(.edaSoldOut, .edaAPI, connections: 64, expecting: 409, crowd)
    try await measure(.monolith8, .monolith, connections: 8, expecting: 201, row)
    figures.add(.pgbench8, rate: try await pgbench.run(clients: 8, seconds: seconds))
    try await measure(.monolith64, .monolith, connections: 64, expecting: 201, row)
    for part in [LabPart.edaAPI, .monolith] { try await lab.renew(part, withoutOperator: true) }
    try await measure(.edaAcceptedNoSwitches, .edaAPI, connections: 64, expecting: 201, accepted)
    try await measure(.monolith8NoSwitches, .monolith, connections: 8, expecting: 201, row)
    for part in [LabPart.edaAPI, .monolith] { try await lab.renew(part, withoutOperator: false) }
    progress.end("measured")
  }

  private func measure(
    _ part: BenchPart, _ program: LabPart, connections: Int, expecting status: Int,
    _ people: @escaping NextRequest
  ) async throws {
    guard let running = lab.state.part(program) else { throw LabFailure("\(program.rawValue) does not run") }
    try await measure(
      part, port: running.port, pid: running.process.pid, connections: connections, expecting: status, people)
  }

  private func measure(
    _ part: BenchPart, port: Int, pid: Int32, connections: Int, expecting status: Int,
    _ people: @escaping NextRequest
  ) async throws {
    try lab.interrupt.check()
    let before = ProcessTable.cpuSeconds(of: pid) ?? 0
    let result = try await ClosedLoop.run(
      port: port, connections: connections, for: .seconds(seconds), expecting: status, next: people
    )
    let cpu = (ProcessTable.cpuSeconds(of: pid) ?? 0) - before
    guard result.answered > 0, result.wrong == 0 else {
      throw LabFailure(
        "\(part.rawValue): \(result.wrong) wrong answers beside \(result.answered) right ones; the first: "
          + (result.firstWrong ?? "none"))
    }
    figures.add(
      part, rate: Double(result.answered) / result.seconds, microseconds: cpu * 1e6 / Double(result.answered),
      p99: result.latency.quantile(0.99))
  }

  func table() -> [String] { figures.table() }
}
