import Scenarios
import Operations
import CouponDomain
import EventLoop
import Text
import History
import Laboratory
import Load
import Terminal

/// The crowd of one run: a small one before it, the crowd itself for one policy or several, and everybody who has no answer
/// once more when the fault is over.
@LoopActor
struct TrialCrowd {
  struct Planned {
    let session: LoadSession
    var plan: LoadPlan
  }

  private let trial: VariantTrial
  private let state: LabState
  private let midnight: Midnight?

  private var variant: Scenario.Variant { trial.variant }

  init(_ trial: VariantTrial, _ state: LabState, _ midnight: Midnight?) {
    (self.trial, self.state, self.midnight) = (trial, state, midnight)
  }

  // MARK: - Before

  /// A small crowd for a policy of its own: connections, plans and caches are there then, and a policy that is sold out.
  func warmUp() async throws -> ProbePlan {
    var options = LoadOptions(seed: trial.seed)
    (options.people, options.quota, options.rate, options.earlyShare) =
      trial.scenario.isQuick ? (300, 40, 600, 0) : (1_000, 80, 1_000, 0)
    (options.before, options.after, options.bystanderPerSecond) = (.milliseconds(200), .zero, 20)
    let session = try LoadSession(options, variant.architecture, state)
    let opening = OpeningPlan(after: programsNow, lead: .milliseconds(300))
    let id = try await create(session, opening, days: 1, quota: options.quota, .once)
    var plan = session.plan(policy: id, opening: machine(opening.opening), early: 0)
    plan.namePrefix = "w\(trial.seed)-"
    let history = try await session.run(plan, named: "warm-up", isShown: false, interrupt: trial.interrupt)
    let holders = history.requests.filter { $0.outcome == .created }.map { history.run.name(of: $0.person) }
    return ProbePlan(
      perSecond: variant.crowd.probesPerSecond, policyID: id, holders: holders.sorted(), seed: trial.seed)
  }

  /// Creates the policies, all with the same opening, and shares the people among them.
  func plans(_ probes: ProbePlan) async throws -> [Planned] {
    let count = variant.policy.count
    let opening = try openingPlan()
    var planned: [Planned] = []
    for index in 0..<count {
      let session = try LoadSession(options(index), variant.architecture, state)
      let id = try await create(
        session, opening, days: midnight == nil ? 1 : 2, quota: session.options.quota,
        variant.policy.perPerson)
      let moment = midnight.map { open($0) } ?? opening.opening
      var plan = session.plan(policy: id, opening: moment, early: variant.crowd.earlyShare)
      plan.namePrefix = count == 1 ? plan.namePrefix : "p\(trial.seed)-\(index)-"
      if index == 0, probes.perSecond > 0 { plan.probes = probes }
      planned.append(Planned(session: session, plan: plan))
    }
    return planned
  }

  /// One policy's part of the crowd.
  private func options(_ index: Int) -> LoadOptions {
    let count = variant.policy.count
    var options = variant.crowd
    options.seed = trial.seed &+ UInt64(index)
    options.people = max(1, options.people / count)
    options.quota = max(1, variant.policy.quota / count)
    options.rate = max(1, options.rate / Double(count))
    options.connections = max(1, options.connections / count)
    options.concurrent = options.concurrent.map { max(1, $0 / count) }
    if index > 0 { options.bystanderPerSecond = 0 }
    if let deadline = variant.settings["REQUEST_DEADLINE_MS"].flatMap({ Int($0) }) {
      options.deadline = .milliseconds(deadline)
      options.patience = options.deadline + .seconds(3)
    }
    return options
  }

  private func openingPlan() throws -> OpeningPlan {
    let lead = variant.crowd.before + .seconds(0.5 + 0.1 * Double(variant.policy.count))
    if let midnight, open(midnight) < Timestamp(microseconds: SystemClock().now().microseconds) {
      throw LabFailure("starting took so long that the crowd would have missed midnight")
    }
    return OpeningPlan(after: programsNow, lead: lead)
  }

  /// When the crowd of a run over midnight comes.
  private func open(_ midnight: Midnight) -> Timestamp {
    Timestamp(
      microseconds: midnight.moment.microseconds - Int64((variant.policy.midnightAt ?? 0) * 1_000_000))
  }

  private func create(
    _ session: LoadSession, _ opening: OpeningPlan, days: Int, quota: Int, _ perPerson: PerPerson
  ) async throws -> PolicyID {
    let isOverMidnight = days > 1
    let first = isOverMidnight ? midnight?.day ?? opening.day : opening.day
    let last = Day(number: first.number + Int32(days - 1))
    let created = try await Operator(session.part, of: state).create(
      PolicyRequest(
        name: "Flash crowd", startsOn: first.description, endsOn: last.description,
        opensAt: isOverMidnight ? "00:00:00" : opening.opensAt.description,
        timeZone: isOverMidnight ? Midnight.timeZone : opening.timeZone, dailyQuota: quota,
        perPerson: perPerson.rawValue))
    guard let id = created.policyId.flatMap({ PolicyID($0) }) else {
      throw LabFailure("the created policy has no number")
    }
    return id
  }

  // MARK: - Clocks

  private var offset: Int64 { (midnight?.offsetMilliseconds ?? 0) * 1_000 }

  /// What the programs' clocks say.
  private var programsNow: Timestamp {
    Timestamp(microseconds: SystemClock().now().microseconds + offset)
  }

  /// A moment of the programs' clocks on this machine's.
  private func machine(_ time: Timestamp) -> Timestamp { Timestamp(microseconds: time.microseconds - offset) }

  // MARK: - The crowd

  /// Sends the whole crowd. For each policy: its history, and the history of the planned second visit.
  func run(_ plans: [Planned]) async throws -> [[History]] {
    var running: [[Completion<History>]] = []
    for (index, planned) in plans.enumerated() {
      var all = [start(planned, isShown: index == 0)]
      if let again = variant.crowd.again {
        var second = planned
        second.plan.opening = Timestamp(
          microseconds: planned.plan.opening.microseconds + again.nanoseconds / 1_000)
        second.plan.endsWithCrowd()
        second.plan.options.earlyShare = 0
        all.append(start(second, isShown: false))
      }
      running.append(all)
    }
    var histories: [[History]] = []
    var failure: (any Error)?
    for all in running {
      var mine: [History] = []
      for completion in all {
        do { mine.append(try await completion.value()) } catch { failure = failure ?? error }
      }
      histories.append(mine)
    }
    if let failure { throw failure }
    return histories
  }

  private func start(_ planned: Planned, isShown: Bool) -> Completion<History> {
    let (completion, interrupt, name) = (Completion<History>(), trial.interrupt, variant.name)
    EventLoop.shared.spawn {
      do {
        completion.succeed(
          try await planned.session.run(
            planned.plan, named: name == planned.session.architecture.rawValue ? "the crowd" : name,
            isShown: isShown, interrupt: interrupt))
      } catch { completion.fail(error) }
    }
    return completion
  }

  /// People without a final answer ask once more, so that the day fills (I10). One list of histories for each policy.
  func comeAgain(_ plans: [Planned], _ histories: [[History]]) async throws -> [[History]] {
    var late: [[History]] = []
    for (planned, histories) in zip(plans, histories) {
      let persons = TrialCrowd.unsettled(histories)
      guard !persons.isEmpty else {
        late.append([])
        continue
      }
      var again = planned
      again.plan.persons = persons
      let opening = SystemClock().now().microseconds + 300_000
      again.plan.opening = Timestamp(microseconds: opening)
      again.plan.endsWithCrowd()
      (again.plan.options.people, again.plan.options.rate) = (persons.count, 300)
      (again.plan.options.earlyShare, again.plan.options.isSteady) = (0, true)
      (again.plan.options.seed, again.plan.options.attempts) = (trial.seed, 6)
      again.plan.options.concurrent = nil
      late.append([
        try await again.session.run(
          again.plan, named: "\(Numbers.count(persons.count)) people come again", interrupt: trial.interrupt)
      ])
    }
    return late
  }

  private static func unsettled(_ histories: [History]) -> [UInt32] {
    var last: [UInt32: (at: Int64, outcome: Outcome)] = [:]
    for history in histories {
      for request in history.requests where request.call == .coupon {
        let at = history.moment(request.answered).microseconds
        if at >= last[request.person]?.at ?? .min { last[request.person] = (at, request.outcome) }
      }
    }
    return last.filter { $0.value.outcome.isUnknown }.map(\.key).sorted()
  }
}
