internal import CouponDomain
internal import CouponStore
internal import EventLoop
internal import Foundation
internal import HTTP
internal import Kafka
internal import PrivateServers
import Figures
import History
import Laboratory
import Load
import Reports
import Terminal
internal import Text

/// How fast an API is ready that has a full log to read, beside a bare reading of the same log; and what a request costs
/// it at a policy with few winners and at one with a million.
///
///     each round:   bare read ─▶ API started ─▶ ready ─▶ few, many, few, many ─▶ API ended     (or the API first)
@LoopActor
final class StartBench: BenchStage {
  let name: String? = "start and winners"
  private let lab: Lab
  private let options: BenchOptions
  private let figures: BenchFigures
  private let partitions: Int
  private var key: CouponKey?
  private var api: BenchProgram?
  private var few: NextRequest?
  private var many: NextRequest?
  private let refusedFew = endlessPeople("late-", policy: StartBench.soldOutFew)
  private let refusedMany = endlessPeople("late-", policy: StartBench.soldOutMany)

  /// Of one partition: less than the embedded broker keeps.
  private static let embeddedCoupons = 15_000
  private static let fewWinners = 1_000
  /// Of a policy that goes from none to twice as many as few.
  private static let smallQuota = 2 * fewWinners
  private static let (soldOutMany, soldOutFew, sellingMany) = (1, 2, 3)
  private static let firstSmallPolicy = 10
  private static let bareRead = "bare read of the log"
  private static let connections = 64

  init(_ lab: Lab, _ options: BenchOptions, _ figures: BenchFigures) {
    (self.lab, self.options, self.figures) = (lab, options, figures)
    partitions = options.keepsTheLog ? 8 : options.isQuick ? 4 : 20
  }

  private var measuresWinners: Bool { options.sections.contains(.winners) && options.keepsTheLog }
  private var manyWinners: Int { options.isQuick ? 50_000 : 1_000_000 }
  /// More requests than anybody has measured here.
  private var requests: Int { Int(60_000 * (options.seconds + 1) * Double(options.rounds)) }

  // MARK: - Before

  func prepare() async throws {
    var up = options.up
    up.architectures = [.eda]
    up.partitions = partitions
    try await lab.up(up)
    // The log is written directly, and its readers would only be in the way.
    for part in [LabPart.edaAPI, .edaWorker] { await lab.stop(part) }
    if options.sections.contains(.winners), !options.keepsTheLog {
      figures.skipped.append(
        "winners: the embedded broker does not keep a million events; --kafka installed or HOST:PORT does")
    }
    key = CouponKey(lab.state.couponKey)
    try await fill()
  }

  private func fill() async throws {
    guard let log = lab.state.log else { return }
    let progress = PhaseProgress("filling the log")
    defer { progress.abandon() }
    let writer = try LogWriter(log.client("lab-bench"), topic: lab.state.topic, partitions: partitions)
    var events = EventIDSource()
    let winners =
      options.keepsTheLog
      ? [(StartBench.soldOutMany, manyWinners), (StartBench.sellingMany, manyWinners)]
      : onePolicyAPartition().map { ($0, StartBench.embeddedCoupons) }
    for (done, (id, count)) in winners.enumerated() {
      let quota = id == StartBench.sellingMany && options.keepsTheLog ? count + requests : count
      try await sell(id, count, of: quota, writer, &events)
      progress.update(Double(done + 1) / Double(winners.count))
    }
    if measuresWinners {
      try await sell(StartBench.soldOutFew, StartBench.fewWinners, of: StartBench.fewWinners, writer, &events)
      // In the partition of the large one: how many of them a batch has is the same then.
      let partition = self.partition(of: StartBench.sellingMany)
      let small = (StartBench.firstSmallPolicy...).lazy.filter { self.partition(of: $0) == partition }
        .prefix(requests / StartBench.smallQuota + 1)
      for id in small { try await sell(id, 0, of: StartBench.smallQuota, writer, &events) }
      few = newPeople(for: Array(small), requestsAPolicy: StartBench.smallQuota)
      many = endlessPeople("new-", policy: StartBench.sellingMany)
    }
    try await writer.end()
    progress.end("\(Numbers.count(winners.reduce(0) { $0 + $1.1 })) coupons")
  }

  private func partition(of policy: Int) -> Int32 {
    murmur2Partition(key: Array(String(policy).utf8), partitions: partitions)
  }

  private func onePolicyAPartition() -> [Int] {
    (0..<Int32(partitions)).compactMap { place in (1...10_000).first { partition(of: $0) == place } }
  }

  /// A policy and its first coupons, as the API would have published them today.
  private func sell(
    _ id: Int, _ count: Int, of quota: Int, _ writer: LogWriter, _ events: inout EventIDSource
  ) async throws {
    guard let key, let number = PolicyID(id), let opensAt = TimeOfDay(seconds: 0),
      let first = Day(year: 2020, month: 1, day: 1), let last = Day(year: 2029, month: 12, day: 31)
    else { throw LabFailure("the laboratory has no key") }
    let policy = try Policy(
      id: number, name: "bench \(id)", startsOn: first, endsOn: last, opensAt: opensAt, timeZone: "UTC",
      dailyQuota: quota, perPerson: .once)
    let created = PolicyCreated(eventID: events.next(), policy: policy, key: key)
    try await writer.send(LogCodec.encode(.policyCreated(created)), of: number)
    let now = Int64(Date().timeIntervalSince1970 * 1_000_000)
    let today = Day(number: Int32(now / 86_400_000_000))
    for person in 0..<count {
      guard let user = UserID("winner-\(person)") else { throw LabFailure("no name for a person") }
      let claim = key.claim(
        events.next(), by: user, on: today, of: policy,
        at: Timestamp(microseconds: now))
      try await writer.send(LogCodec.encode(claim), of: number)
    }
  }

  // MARK: - A round

  func run(round: Int) async throws {
    let events = try await length()
    for part in round % 2 == 1 ? [readBare, start] : [start, readBare] {
      try lab.interrupt.check()
      try await part(events)
    }
  }

  func end() async { await api?.end() }

  private func length() async throws -> Int {
    guard let log = lab.state.log else { return 0 }
    let admin = try KafkaAdmin(configuration: log.client("lab-bench"))
    defer { EventLoop.shared.spawn { await admin.close() } }
    let marks = try await admin.watermarks(
      of: lab.state.topic, partitions: partitions, patience: .seconds(10))
    return Int(marks.reduce(0) { $0 + $1.high })
  }

  private func part(_ events: Int) -> String {
    // Rounds add to the log: one name for all of them.
    let thousands = events / 100_000 * 100_000
    return thousands == 0 || !measuresWinners
      ? "\(Numbers.count(events)) events" : "\(Numbers.count(thousands)) events and more"
  }

  private var firstPart: String?

  private func title(_ events: Int) -> String {
    let title = firstPart ?? part(events)
    firstPart = title
    return title
  }

  /// The same reader, and nothing done with what it reads.
  private func readBare(_ events: Int) async throws {
    guard options.sections.contains(.start), let log = lab.state.log else { return }
    var tailOptions = log.kind == .embedded ? KafkaTail.Options.forMockBroker : KafkaTail.Options()
    tailOptions.keepsKeys = false
    var read = 0
    let done = Completion<Void>()
    let start = Instant.now
    let tail = KafkaTail(
      configuration: log.client("lab-bench"), topic: lab.state.topic,
      from: Array(repeating: 0, count: partitions), options: tailOptions
    ) { messages in
      let before = read
      read += messages.count
      if before < events, read >= events { done.succeed(()) }
    } onProblem: { problem in
      if case .unreachable = problem { return }
      done.fail(LabFailure("the log cannot be read: \(problem)"))
    }
    try tail.start()
    do { try await done.value(deadline: .now + .seconds(300)) } catch {
      await tail.close()
      throw error
    }
    let seconds = (Instant.now - start).milliseconds / 1_000
    await tail.close()
    figures.add(.start, title(events), StartBench.bareRead, .rate, Double(events) / seconds)
    figures.add(.start, title(events), StartBench.bareRead, .seconds, seconds)
  }

  private func start(_ events: Int) async throws {
    let begun = Instant.now
    let api = try await BenchProgram.part(.edaAPI, "api", "eda", [:], in: lab, options.up)
    self.api = api
    let health = HealthWatch(api.contestant.address)
    try await awaitReadiness(api)
    let seconds = (Instant.now - begun).milliseconds / 1_000
    try await health.end()
    func add(_ measure: BenchMeasure, _ value: Double?) {
      guard options.sections.contains(.start), let value else { return }
      figures.add(.start, title(events), "eda", measure, value)
    }
    add(.rate, Double(events) / seconds)
    add(.cpu, api.contestant.cpuSeconds.map { $0 * 1e6 / Double(events) })
    add(.seconds, seconds)
    add(.peak, ProcessTable.peakResidentBytes(of: api.child.pid).map { Double($0) / 1_048_576 })
    add(.longestTurn, try await api.metric("loop_longest_turn_seconds").map { $0 * 1_000 })
    add(.longTurns, try await api.metric("loop_long_turns_total"))
    add(.health, health.latency.milliseconds(0.99))
    add(.slowestHealth, health.slowest)
    if measuresWinners { try await measureWinners(api.contestant) }
    await api.end()
    self.api = nil
  }

  private func awaitReadiness(_ program: BenchProgram) async throws {
    let deadline = Instant.now + .seconds(300)
    while let reason = await Readiness.ask(program.contestant.address) {
      try lab.interrupt.check()
      guard Instant.now < deadline, program.child.isRunning else {
        throw LabFailure("the API is not ready: \(reason)")
      }
      await EventLoop.shared.sleep(for: .milliseconds(10))
    }
  }

  // MARK: - Few winners and many

  private func measureWinners(_ api: Contestant) async throws {
    guard let few, let many else { return }
    try await awaitSets()
    let kinds: [(String, NextRequest, NextRequest, Int)] = [
      ("accepted", few, many, 201), ("sold out", refusedFew, refusedMany, 409),
    ]
    for (kind, few, many, status) in kinds {
      func measure(_ name: String, _ people: @escaping NextRequest, _ seconds: Double, _ counts: Bool)
        async throws
      {
        try lab.interrupt.check()
        try await Contestant(name: name, address: api.address, processes: api.processes).measure(
          .winners, "\(kind), \(StartBench.connections) connections", connections: StartBench.connections,
          seconds: seconds, expecting: status, people, into: counts ? figures : nil)
      }
      try await measure(nameOfFew, few, min(0.5, options.seconds), false)
      try await measure(nameOfFew, few, options.seconds, true)
      try await measure(nameOfMany, many, options.seconds, true)
    }
  }

  private var nameOfFew: String { "eda, about \(Numbers.count(StartBench.fewWinners)) winners" }
  private var nameOfMany: String { "eda, \(Numbers.count(manyWinners)) winners and more" }

  /// The API puts what the log has into Redis; a request meanwhile would pay for that.
  private func awaitSets() async throws {
    let day = Day(number: Int32(Date().timeIntervalSince1970 / 86_400))
    let deadline = Instant.now + .seconds(300)
    for id in [StartBench.soldOutMany, StartBench.sellingMany] {
      guard let policy = PolicyID(id) else { continue }
      while try await lab.admittedPeople(of: policy, on: day) < manyWinners {
        try lab.interrupt.check()
        guard Instant.now < deadline else {
          throw LabFailure("Redis does not get the winners of policy \(id)")
        }
        await EventLoop.shared.sleep(for: .milliseconds(50))
      }
    }
  }

  func compare() {
    if let part = firstPart {
      figures.compare(
        .start, "start of the API to a bare read, events a second", .rate, .init(part, "eda"),
        to: .init(part, StartBench.bareRead))
    }
    for kind in ["accepted", "sold out"] {
      let part = "\(kind), \(StartBench.connections) connections"
      for (measure, words) in [(BenchMeasure.rate, "a second"), (.cpu, "processor time")] {
        figures.compare(
          .winners, "\(kind): many winners to few, \(words)", measure, .init(part, nameOfMany),
          to: .init(part, nameOfFew), expected: .between(0.9, 1.1))
      }
    }
  }
}

/// Asks `/healthz` every few milliseconds until it is told to end.
@LoopActor
private final class HealthWatch {
  private(set) var latency = LatencyHistogram()
  /// In milliseconds.
  private(set) var slowest = 0.0
  private let client: HTTPClient
  private let ended = Completion<Void>()
  private var isEnding = false
  private var failure: String?

  init(_ address: SocketAddress) {
    client = HTTPClient(HTTPClientConfiguration(address: address, maxConnections: 1))
    EventLoop.shared.spawn {
      while !self.isEnding, self.failure == nil { await self.ask() }
      self.ended.succeed(())
    }
  }

  private func ask() async {
    let asked = Instant.now
    do {
      let answer = try await client.send(HTTPRequest(.get, "/healthz"), deadline: asked + .seconds(10))
      guard answer.status == 200 else { return failure = "/healthz answers \(answer.status)" }
    } catch { return failure = "/healthz: \(error)" }
    let waited = Instant.now - asked
    latency.record(microseconds: waited.nanoseconds / 1_000)
    slowest = max(slowest, waited.milliseconds)
    await EventLoop.shared.sleep(for: .milliseconds(5))
  }

  /// - Throws: `LabFailure` where an answer was no 200.
  func end() async throws {
    isEnding = true
    try await ended.value()
    client.close()
    if let failure { throw LabFailure(failure) }
  }
}
