package import CouponDomain
import CouponStore
package import EventLoop
import Foundation
import HTTP
package import History
package import Load
import Operations
import PrivateServers
package import Terminal
package import Text

/// One load against one running architecture: a policy of its own, the crowd, the history on disk.
@LoopActor
package struct LoadSession {
  package let options: LoadOptions
  package let architecture: Architecture
  package let state: LabState
  package let part: LabState.Part
  private let address: SocketAddress

  /// - Throws: `LabFailure` where the architecture does not run.
  package init(_ options: LoadOptions, _ architecture: Architecture, _ state: LabState) throws {
    (self.options, self.architecture, self.state) = (options, architecture, state)
    guard let part = state.part(architecture.api), part.process.isRunning
    else {
      throw LabFailure("\(architecture.rawValue) is not running; start it with lab up")
    }
    self.part = part
    address = part.address
    try LogCapacity.check(quota: options.quota, architecture, state)
  }

  /// Creates a policy that opens when the bystander has had its time before, and plans the run.
  package func plan() async throws -> LoadPlan {
    let stays = Duration.milliseconds(500)
    let opening = OpeningPlan(after: SystemClock().now(), lead: options.before + stays)
    let created = try await Operator(part, of: state).create(
      PolicyRequest(
        name: "Flash crowd", startsOn: opening.day.description, endsOn: opening.day.description,
        opensAt: opening.opensAt.description, timeZone: opening.timeZone, dailyQuota: options.quota,
        perPerson: PerPerson.once.rawValue))
    guard let id = created.policyId.flatMap({ PolicyID($0) }) else {
      throw LabFailure("the created policy has no number")
    }
    return plan(policy: id, opening: opening.opening, early: options.earlyShare)
  }

  /// Plans a run against a policy that is there already; the crowd does not wait for its opening.
  package func plan(existing id: PolicyID) -> LoadPlan {
    let opening = Timestamp(
      microseconds: SystemClock().now().microseconds + options.before.nanoseconds / 1_000)
    return plan(policy: id, opening: opening, early: 0)
  }

  package func plan(policy: PolicyID, opening: Timestamp, early: Double) -> LoadPlan {
    var options = options
    options.earlyShare = early
    options.connections = min(options.connections, LoadSession.mostConnections)
    return LoadPlan(options, architecture, policyID: policy, opening: opening)
  }

  /// What the system lets this process have, with some left for everything else.
  private static let mostConnections = max(64, Platform.raiseDescriptorLimit() - 600)

  /// Runs the load with its progress shown, unless `isShown` says otherwise.
  package func run(
    _ plan: LoadPlan, named name: String = "the crowd", isShown: Bool = true, interrupt: Interrupt
  ) async throws -> History {
    var plan = plan
    let facts = try await facts()
    plan.strategy = facts.strategy
    plan.options.deadline = facts.deadline
    // A client that gives up before the server answers hears nothing of it.
    plan.options.patience = max(plan.options.patience, facts.deadline + .seconds(2))
    let run = LoadGenerator(plan, target: address, stays: try await stays())
    interrupt.onCome { run.abandon() }
    let progress = isShown ? PhaseProgress("\(architecture.rawValue): \(name)") : nil
    let ticker = Ticker(every: .milliseconds(100)) { if let progress { show(run, on: progress) } }
    var history = await run.run()
    history.run.laboratory = state.id
    ticker.stop()
    guard !interrupt.hasCome else {
      progress?.abandon()
      throw Interrupted()
    }
    progress?.end(
      """
      \(Numbers.count(run.settled)) people answered, \(Numbers.count(run.won)) coupons, \
      \(Numbers.count(run.troubled)) requests in vain
      """)
    return history
  }

  private func show(_ run: LoadGenerator, on progress: PhaseProgress) {
    let seconds = run.secondsSinceOpening
    guard seconds >= 0 else {
      return progress.update(0, "opens in \(Int((-seconds).rounded(.up))) s; the bystander is here")
    }
    let share = Double(run.settled) / Double(max(run.people, 1))
    progress.update(
      share,
      "\(Numbers.count(run.settled)) of \(Numbers.count(run.people)) answered, \(Numbers.count(run.won)) coupons"
    )
  }

  /// - Throws: `LabFailure` where the load was sent to nobody: the program has ended, or no person heard anything that
  ///   settles what they asked for.
  package func checkServed(_ history: History, _ folder: LabFolder) throws {
    // Another command may have started it again meanwhile.
    guard let part = try LabState.read(folder)?.part(part.part), part.process.isRunning else {
      throw LabFailure("\(part.part.rawValue) has ended; see \(folder.log(of: part.part))")
    }
    guard history.requests.contains(where: { $0.call == .coupon && !$0.outcome.isUnknown }) else {
      throw LabFailure("nobody got a final answer; see \(folder.log(of: part.part))")
    }
  }

  /// The bystander's stays; also the first sign that something listens.
  private func stays() async throws -> [Int64] {
    let answer = try await get("/v1/stays")
    struct Stays: Decodable {
      struct Stay: Decodable {
        let stayId: Int64
        let roomsLeft: Int
      }
      let stays: [Stay]
    }
    guard answer.status == 200, let list = try? JSONDecoder().decode(Stays.self, from: Data(answer.body))
    else {
      throw LabFailure("/v1/stays answers \(answer.status): \(Operator.oneLine(answer.body))")
    }
    // One that is nearly full is no steady load.
    return list.stays.filter { $0.roomsLeft > 1_000 }.map(\.stayId)
  }

  /// What the program says of itself: what it decides by, and within what time it answers. A history that only supposed
  /// them could not be verified.
  private func facts() async throws -> (strategy: String, deadline: Duration) {
    let answer = try await get("/metrics")
    let lines = String(decoding: answer.body, as: UTF8.self).split(separator: "\n")
    let strategy = lines.first { $0.hasPrefix("coupon_strategy_info{") }
    let deadline = lines.first { $0.hasPrefix("request_deadline_seconds ") }
    guard answer.status == 200,
      let strategy = strategy?.split(separator: "\"").dropFirst().first.map(String.init),
      let deadline = deadline?.split(separator: " ").last.flatMap({ Double($0) })
    else {
      throw LabFailure("/metrics answers \(answer.status) and does not name strategy and deadline")
    }
    return (strategy, .seconds(deadline))
  }

  private func get(_ path: String) async throws -> HTTPClientResponse {
    try await HTTPClient.ask(address, HTTPRequest(.get, path), within: .seconds(10))
  }
}

/// What the embedded broker can hold.
package enum LogCapacity {
  /// Coupons of one policy, which share a partition of 5 MiB, at 255 bytes each: a person's id of 20 characters, and
  /// what the broker keeps beside the event. Policies that share a partition share its room.
  static let embeddedCoupons = 20_000

  /// - Throws: `LabFailure` where the log would lose its beginning during the run.
  package static func check(quota: Int, _ architecture: Architecture, _ state: LabState) throws {
    guard architecture == .eda, state.log?.kind == .embedded else { return }
    try check(quota: quota)
  }

  package static func check(quota: Int) throws {
    guard quota > embeddedCoupons else { return }
    throw LabFailure(
      """
      a quota of \(Numbers.count(quota)) needs more than the embedded broker holds (5 MiB a partition, about \
      \(Numbers.count(embeddedCoupons)) coupons of one policy); use --kafka installed, or name a Kafka with KAFKA_BROKERS
      """)
  }
}

extension LabFolder {
  package var histories: String { path + "/history" }

  /// Sorts by time within an architecture and policy.
  package func history(of run: RunFacts) -> String {
    "\(histories)/\(run.architecture.rawValue)-\(run.policyID)-\(run.startedAt.microseconds / 1_000_000).tsv"
  }
}

/// Does something again and again until it is stopped.
@LoopActor
package final class Ticker {
  private var timer: LoopTimer?
  private let interval: Duration
  private let work: @LoopActor () -> Void

  package init(every interval: Duration, _ work: @escaping @LoopActor () -> Void) {
    (self.interval, self.work) = (interval, work)
    tick()
  }

  package func stop() {
    timer?.cancel()
    timer = nil
  }

  private func tick() {
    work()
    timer = EventLoop.shared.schedule(after: interval) { [weak self] in self?.tick() }
  }
}
