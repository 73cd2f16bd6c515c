import EventLoop
import Foundation
import HTTP
import Kafka
import Laboratory
import Load
import PrivateServers
import Reports
import Terminal

/// What requests cost: of the event-driven API, of foreign servers, of the monolith; beside a constant answer and pgbench.
///
/// The worker is stopped: it would take from the API what the machine has, and no contestant has one.
@LoopActor
final class RequestBench: BenchStage {
  let lab: Lab
  let options: BenchOptions
  let figures: BenchFigures
  private let sections: Set<BenchSection>
  private var constant: BenchProgram?
  private var foreign: [ForeignServer] = []
  private var foreignMonoliths: [ForeignServer] = []
  /// Besides those that are sold from: one that is sold out, one with the winners that ask again, one for warming up.
  private var (soldOutPolicy, winnersPolicy, warmUpPolicy) = (0, 0, 0)
  private var accepted: NextRequest?
  private var crowd: NextRequest?
  private var returning: NextRequest?
  private var row: NextRequest?
  private var pgbench: PgBench?

  let name: String? = "requests"

  /// Coupons of one partition: less than the embedded broker keeps of it.
  private static let embeddedCoupons = 15_000
  private static let policyCoupons = 1_000_000
  private static let crowds = [1, 64, 256, 5_000]
  /// Of refusals, retries and shared ports.
  private static let usual = 64
  private static let constantName = "constant answer"
  /// The number of pgbench's connections with which it is quickest: its statements wait for one row.
  private static let pgbenchClients = (separate: 8, pipelined: 3)

  init(_ lab: Lab, _ options: BenchOptions, _ sections: [BenchSection], _ figures: BenchFigures) {
    (self.lab, self.options, self.figures) = (lab, options, figures)
    self.sections = Set(sections)
  }

  private var crowds: [Int] { options.isQuick ? [1, 64, 1_000] : RequestBench.crowds }

  // MARK: - Before and after

  /// Policies of the crowd that gets coupons: their number, and the coupons of each.
  private var stock: (policies: Int, coupons: Int) {
    // More than anybody has measured here, of every request that is to be accepted.
    let most = Int(
      60_000 * options.seconds * Double(options.rounds + 1) * Double(crowds.count + 3))
    let coupons = options.keepsTheLog ? RequestBench.policyCoupons : RequestBench.embeddedCoupons
    return (min(900, max(4, most / coupons + 1)), coupons)
  }

  /// People of the measurement of memory: one policy is filled, because its tables are made for its quota.
  private var winners: (policies: Int, each: Int) {
    if options.keepsTheLog { return (1, options.isQuick ? 20_000 : 300_000) }
    return (options.isQuick ? 1 : 10, RequestBench.embeddedCoupons)
  }

  func prepare() async throws {
    _ = Platform.raiseDescriptorLimit()
    for address in options.foreign {
      foreign.append(try await ForeignServer.find(address, number: foreign.count + 1))
    }
    for address in options.foreignMonoliths {
      let number = foreign.count + foreignMonoliths.count + 1
      foreignMonoliths.append(try await ForeignServer.find(address, number: number))
    }
    var up = options.up
    // One policy a partition where a partition keeps little.
    up.partitions = options.keepsTheLog ? 8 : min(1_024, stock.policies + winners.policies + 4)
    up.settings[.edaAPI] = ["SHARE_PORT": "on"]
    try await lab.up(up)
    await lab.stop(.edaWorker)
    constant = try await BenchProgram(
      "constant", RequestBench.constantName, ProgramCommand.folder + "/lab", ["bench-constant"],
      environment: ProcessInfo.processInfo.environment, in: lab)
    guard let eda = lab.state.part(.edaAPI), let monolith = lab.state.part(.monolith),
      let database = lab.state.database
    else { throw LabFailure("the laboratory did not start whole") }
    let ids = policyIDs(up.partitions)
    let operated = Operator(eda, of: lab.state)
    let place = stock.policies
    (soldOutPolicy, winnersPolicy, warmUpPolicy) = (ids[place], ids[place + 1], ids[place + 2])
    if sections.contains(.memory) {
      try await MemoryBench(lab, figures, isQuick: options.isQuick).measure(
        eda, Array(ids.suffix(winners.policies)), quota: winners.each, soldOut: warmUpPolicy)
    }
    let policies = Array(ids.prefix(stock.policies))
    for id in policies { try await RequestBench.create(operated, id: id, quota: stock.coupons) }
    try await RequestBench.create(operated, id: soldOutPolicy, quota: 1)
    try await RequestBench.create(operated, id: winnersPolicy, quota: 10_000)
    try await RequestBench.create(Operator(monolith, of: lab.state), id: 1, quota: 10_000_000)
    accepted = newPeople(for: policies, requestsAPolicy: stock.coupons)
    crowd = endlessPeople("crowd-", policy: soldOutPolicy)
    row = endlessPeople("row-", policy: 1)
    try await warmUp(eda)
    if sections.contains(.monolith) {
      let pgbench = PgBench(url: database.url, folder: lab.folder.path)
      try await pgbench.prepare()
      self.pgbench = pgbench
    }
  }

  /// The first policy id of each partition, and more of them where there are more policies.
  private func policyIDs(_ partitions: Int) -> [Int] {
    guard !options.keepsTheLog else { return Array(1...(stock.policies + winners.policies + 3)) }
    var taken = Set<Int32>()
    return (1...100_000).filter { id in
      taken.insert(murmur2Partition(key: Array(String(id).utf8), partitions: partitions)).inserted
    }
  }

  static func create(_ operator: Operator, id: Int, quota: Int) async throws {
    _ = try await `operator`.create(
      PolicyRequest(
        policyId: id, name: "bench \(id)", startsOn: "2020-01-01", endsOn: "2029-12-31", opensAt: "00:00:00",
        timeZone: "UTC", dailyQuota: quota, perPerson: "once"))
  }

  /// Whoever wins before the first round, and a moment of load for everybody.
  private func warmUp(_ eda: LabState.Part) async throws {
    let people = options.isQuick ? 500 : 5_000
    let api = contestant(eda)
    let last = newPeople(for: [soldOutPolicy], requestsAPolicy: 1)
    try await api.measure(
      .coupons, "the last coupon", connections: 1, seconds: 5, expecting: 201, last, into: nil)
    func winners(_ policy: Int) -> NextRequest {
      let all = returningPeople("winner-", people, policy: policy)
      var left = people
      return {
        left -= 1
        return left >= 0 ? all() : nil
      }
    }
    let policy = winnersPolicy
    try await api.measure(
      .coupons, "winners", connections: 64, seconds: 20, expecting: 201, winners(policy), into: nil)
    returning = returningPeople("winner-", people, policy: policy)
    for server in foreign + foreignMonoliths { try await server.warmUp(seconds: options.seconds) }
    guard let accepted, let row, let monolith = lab.state.part(.monolith) else { return }
    for (contestant, people) in [(api, accepted), (self.contestant(monolith), row)] {
      try await contestant.measure(
        .coupons, "warming up", connections: 64, seconds: options.seconds, expecting: 201, people, into: nil)
    }
  }

  func end() async { await constant?.end() }

  private func contestant(_ part: LabState.Part) -> Contestant {
    Contestant(
      name: part.part == .monolith ? "monolith" : "eda", address: part.address,
      processes: [part.process.pid])
  }

  // MARK: - A round

  func run(round: Int) async throws {
    guard let eda = lab.state.part(.edaAPI), let monolith = lab.state.part(.monolith),
      let constant = constant?.contestant, let accepted, let crowd, let returning, let row
    else { throw LabFailure("the laboratory is not prepared") }
    let api = contestant(eda)
    if sections.contains(.coupons) {
      for connections in crowds {
        try await inTurn(
          round, "accepted, \(people(connections))", connections, constant, crowd, api, 201, accepted
        ) { $0.accepted }
      }
      let usual = RequestBench.usual
      try await inTurn(round, "sold out, \(people(usual))", usual, constant, crowd, api, 409, crowd) {
        $0.refused
      }
      try await inTurn(
        round, "a winner asks again, \(people(usual))", usual, constant, crowd, api, 200, returning
      ) { $0.returning }
    }
    if sections.contains(.shared) { try await measureShared(round, api, accepted) }
    if sections.contains(.monolith) {
      try await measureMonolith(round, contestant(monolith), row)
    }
  }

  private func people(_ connections: Int) -> String {
    "\(Numbers.count(connections)) \(connections == 1 ? "connection" : "connections")"
  }

  /// The constant answer, the API and the foreign servers that have requests of this kind; every second round from the
  /// last to the first.
  private func inTurn(
    _ round: Int, _ part: String, _ connections: Int, _ constant: Contestant, _ any: @escaping NextRequest,
    _ api: Contestant, _ status: Int, _ people: @escaping NextRequest,
    _ kind: (ForeignServer) -> NextRequest?
  ) async throws {
    typealias Turn = (contestant: Contestant, status: Int, people: NextRequest, isOurs: Bool)
    var turns: [Turn] = [(constant, 200, any, true), (api, status, people, true)]
    for server in foreign {
      if let people = kind(server) { turns.append((server.contestant, status, people, false)) }
    }
    for turn in round % 2 == 1 ? turns : turns.reversed() {
      try lab.interrupt.check()
      do {
        try await turn.contestant.measure(
          .coupons, part, connections: connections, seconds: options.seconds, expecting: turn.status,
          turn.people, into: figures)
      } catch let failure as LabFailure where !turn.isOurs {
        // What others cannot do ends nothing; it is said.
        figures.skipped.append("round \(round): \(failure)")
      }
    }
  }

  /// One API alone, and with a second one on its port and its log.
  private func measureShared(_ round: Int, _ one: Contestant, _ people: @escaping NextRequest) async throws {
    let part = "accepted, \(self.people(RequestBench.usual))"
    func measure(_ contestant: Contestant) async throws {
      try lab.interrupt.check()
      try await contestant.measure(
        .shared, part, connections: RequestBench.usual, seconds: options.seconds, expecting: 201, people,
        into: figures)
    }
    let alone = Contestant(name: "eda, one", address: one.address, processes: one.processes)
    if round % 2 == 1 { try await measure(alone) }
    let settings = ["HTTP_PORT": String(one.address.port), "SHARE_PORT": "on", "ADMIN_PORT": "0"]
    let second = try await BenchProgram.part(
      .edaAPI, "second-api", "eda, two", settings, in: lab, options.up)
    do {
      try await awaitReadiness(second)
      let both = Contestant(
        name: "eda, two", address: one.address, processes: one.processes + [second.child.pid])
      let before = ProcessTable.cpuSeconds(of: second.child.pid) ?? 0
      try await measure(both)
      // Reading what the other publishes costs, too, but not half as much.
      guard (ProcessTable.cpuSeconds(of: second.child.pid) ?? 0) > before else {
        throw LabFailure("the second API has done nothing")
      }
    } catch {
      await second.end()
      throw error
    }
    await second.end()
    if round % 2 == 0 { try await measure(alone) }
  }

  /// On the port that is shared either of the two answers a connection: so many in a row are of both.
  private func awaitReadiness(_ program: BenchProgram) async throws {
    let deadline = Instant.now + .seconds(60)
    var inARow = 0
    while inARow < 24 {
      let reason = await Readiness.ask(program.contestant.address)
      inARow = reason == nil ? inARow + 1 : 0
      guard Instant.now < deadline, program.child.isRunning else {
        throw LabFailure("the second API is not ready: \(reason ?? "it has ended")")
      }
      if reason != nil { await EventLoop.shared.sleep(for: .milliseconds(20)) }
    }
  }

  private func measureMonolith(
    _ round: Int, _ monolith: Contestant, _ people: @escaping NextRequest
  ) async throws {
    guard let pgbench else { return }
    for connections in [8, 64] {
      let part = "accepted, \(self.people(connections))"
      func rate(_ contestant: String, _ body: () async throws -> Double) async throws {
        try lab.interrupt.check()
        figures.add(.monolith, part, contestant, .rate, try await body())
      }
      let seconds = max(1, Int(options.seconds))
      let separate = RequestBench.pgbenchClients.separate
      let pipelined = RequestBench.pgbenchClients.pipelined
      try await monolith.measure(
        .monolith, part, connections: connections, seconds: options.seconds, expecting: 201, people,
        into: figures)
      for server in foreignMonoliths {
        guard let people = server.accepted else { continue }
        try await server.contestant.measure(
          .monolith, part, connections: connections, seconds: options.seconds, expecting: 201, people,
          into: figures)
      }
      try await rate("pgbench, statement by statement") {
        try await pgbench.run(.separate, clients: separate, seconds: seconds)
      }
      try await rate("pgbench, two round trips") {
        try await pgbench.run(.pipelined, clients: pipelined, seconds: seconds)
      }
    }
  }

  // MARK: - Ratios

  func compare() {
    for connections in crowds {
      compareCoupons("accepted, \(people(connections))", connections == 64 ? .atMost(3) : nil)
    }
    compareCoupons("sold out, \(people(RequestBench.usual))", .atMost(1.4))
    compareCoupons("a winner asks again, \(people(RequestBench.usual))", nil)
    let part = "accepted, \(people(RequestBench.usual))"
    figures.compare(
      .shared, "two APIs to one, coupons a second", .rate, .init(part, "eda, two"),
      to: .init(part, "eda, one"))
    figures.compare(
      .shared, "two APIs to one, processor time", .cpu, .init(part, "eda, two"), to: .init(part, "eda, one"))
    for connections in [8, 64] {
      let part = "accepted, \(people(connections))"
      for (ceiling, bound) in [("statement by statement", 1.4), ("two round trips", 0.95)] {
        figures.compare(
          .monolith, "\(part): monolith to pgbench, \(ceiling)", .rate, .init(part, "monolith"),
          to: .init(part, "pgbench, \(ceiling)"), expected: .atLeast(bound))
      }
      compareForeign(.monolith, part, "monolith", foreignMonoliths)
    }
  }

  private func compareCoupons(_ part: String, _ bound: BenchRatio.Bound?) {
    let (eda, constant) = (
      BenchFigures.Place(part, "eda"), BenchFigures.Place(part, RequestBench.constantName)
    )
    figures.compare(.coupons, "\(part): eda to the constant answer, a second", .rate, eda, to: constant)
    figures.compare(
      .coupons, "\(part): eda to the constant answer, processor time", .cpu, eda, to: constant,
      expected: bound)
    compareForeign(.coupons, part, "eda", foreign)
  }

  private func compareForeign(
    _ section: BenchSection, _ part: String, _ ours: String, _ servers: [ForeignServer]
  ) {
    for server in servers {
      let theirs = BenchFigures.Place(part, server.contestant.name)
      figures.compare(
        section, "\(part): \(ours) to \(theirs.contestant), a second", .rate, .init(part, ours), to: theirs)
      figures.compare(
        section, "\(part): \(ours) to \(theirs.contestant), processor time", .cpu, .init(part, ours),
        to: theirs)
    }
  }
}
