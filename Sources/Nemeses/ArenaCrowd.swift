import CouponDomain
import EventLoop
import Experiments
import Figures
import History
import Laboratory
import Load
import Operations
import PrivateServers
import Terminal
import Text

/// The steady crowd of one architecture in one round, its policy, and everybody without an answer once more.
@LoopActor
final class ArenaCrowd {
  let architecture: Architecture
  let opening: Timestamp
  var policy: PolicyID { plan.policyID }
  private let session: LoadSession
  private let plan: LoadPlan
  private let interrupt: Interrupt
  private let watch: RecordedWatch
  private(set) var planned: [History] = []
  private(set) var late: [History] = []
  private(set) var recorded: [CountPoint] = []

  private static let earlyShare = 0.02
  private static let bystanderPerSecond = 10.0

  /// Creates the policy.
  ///
  /// - Parameters:
  ///   - seconds: how long people come.
  ///   - midnight: when the day ends, and how many seconds after the opening.
  ///   - quota: nil: for nearly everybody.
  init(
    _ architecture: Architecture, _ lab: Lab, rate: Double, seconds: Double, seed: UInt64,
    midnight: (midnight: Midnight, at: Double)?, quota: Int? = nil
  ) async throws {
    var options = LoadOptions(seed: seed)
    options.people = max(20, Int(rate * seconds))
    // Sold out near the end: everybody after that hears so, and whoever was owed a coupon has it.
    options.quota = quota ?? max(10, options.people * 19 / 20 / (midnight == nil ? 1 : 2))
    (options.rate, options.isSteady, options.attempts) = (rate, true, 8)
    options.earlyShare = midnight == nil ? ArenaCrowd.earlyShare : 0
    (options.before, options.after) = (.milliseconds(700), .seconds(1))
    (options.bystanderPerSecond, options.connections) = (ArenaCrowd.bystanderPerSecond, 512)
    session = try LoadSession(options, architecture, lab.state)
    if let (midnight, second) = midnight {
      let opening = Timestamp(
        microseconds: midnight.moment.microseconds - Int64(second * 1_000_000))
      let first = midnight.day
      let request = PolicyRequest(
        name: "Midnight", startsOn: first.description,
        endsOn: Day(number: first.number + 1).description, opensAt: "00:00:00",
        timeZone: Midnight.timeZone, dailyQuota: options.quota, perPerson: PerPerson.daily.rawValue)
      let created = try await Operator(session.part, of: lab.state).create(request)
      guard let id = created.policyId.flatMap({ PolicyID($0) }) else {
        throw LabFailure("the created policy has no number")
      }
      plan = session.plan(policy: id, opening: opening, early: 0)
    } else {
      plan = try await session.plan()
    }
    (self.architecture, opening, interrupt) = (architecture, plan.opening, lab.interrupt)
    watch = RecordedWatch(try lab.state.pool(of: architecture), plan.policyID, opening: plan.opening)
  }

  /// Everybody comes, whatever is broken meanwhile.
  func come() async throws {
    planned = [try await session.run(plan, isShown: false, interrupt: interrupt)]
  }

  /// People without a final answer ask once more, so that the day fills.
  func comeAgain() async throws {
    let persons = unsettled
    guard !persons.isEmpty else { return }
    var again = plan
    again.persons = persons
    again.opening = Timestamp(microseconds: SystemClock().now().microseconds + 300_000)
    again.endsWithCrowd()
    (again.options.people, again.options.rate) = (persons.count, 300)
    (again.options.earlyShare, again.options.isSteady) = (0, true)
    late = [try await session.run(again, isShown: false, interrupt: interrupt)]
  }

  /// The last look at the tables.
  func settled() async { recorded = await watch.stop() }

  private var unsettled: [UInt32] {
    var last: [UInt32: (at: UInt32, outcome: Outcome)] = [:]
    for request in planned.flatMap(\.requests) where request.call == .coupon {
      if request.answered >= last[request.person]?.at ?? 0 {
        last[request.person] = (request.answered, request.outcome)
      }
    }
    return last.filter { $0.value.outcome.isUnknown }.map(\.key).sorted()
  }
}
