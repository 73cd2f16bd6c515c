import Operations
import CouponDomain
import CouponStore
import EventLoop
import Foundation
import Postgres
import PrivateServers
import Text

/// One variant of a scenario, once: a fresh laboratory, a warm-up, the crowd with its faults, everybody who has no answer
/// once more after it, the check, and nothing left behind.
@LoopActor
struct VariantRun {
  let scenario: Scenario
  let variant: Scenario.Variant
  let seed: UInt64
  let up: UpOptions
  /// A folder of its own.
  let folder: LabFolder
  let interrupt: Interrupt

  func run() async throws -> VariantOutcome {
    try await removeLeftovers()
    let lab = try Lab.open(folder, interrupt: interrupt)
    do {
      var up = up
      let midnight = variant.policy.midnightAt.map {
        Midnight(after: .seconds(16 + variant.crowd.before + $0))
      }
      for part in up.parts {
        up.settings[part] = variant.programSettings.merging(midnight?.settings ?? [:]) { $1 }
      }
      up.redisDurability = variant.redis
      // A crash is for the crowd: the warm-up must not come near it.
      var start = up
      for part in start.parts { start.settings[part]?["CRASH_AT"] = nil }
      try await lab.up(start)
      let result = try await measure(lab, up, midnight)
      try await lab.reset()
      try? FileManager.default.removeItem(atPath: folder.path)
      return result
    } catch {
      // Nothing may be left running; the logs stay, to be read.
      await lab.stopAll()
      if error is Interrupted { try? await lab.reset() }
      throw error
    }
  }

  private func removeLeftovers() async throws {
    guard FileManager.default.fileExists(atPath: folder.path) else { return }
    try await Lab.open(folder, interrupt: interrupt).reset()
    try FileManager.default.removeItem(atPath: folder.path)
  }

  // MARK: - The run

  private func measure(_ lab: Lab, _ up: UpOptions, _ midnight: Midnight?) async throws -> VariantOutcome {
    var outcome = VariantOutcome(variant: variant)
    outcome.versions = await ServerFacts.versions(lab.state, variant.architecture)
    outcome.programSettings = await ServerFacts.settings(lab.state, up)
    let warm = try await CrowdRun(self, lab.state, midnight).warmUp()
    if let point = variant.settings["CRASH_AT"] {
      _ = await EvidenceReader.settle(lab.state, variant.architecture)
      try await lab.arm(point.hasPrefix("worker") ? .worker : .api, crashAt: point)
      try await lab.awaitReadiness(of: up.parts, within: .seconds(60))
    }
    let crowd = CrowdRun(self, lab.state, midnight)
    let plans = try await crowd.plans(warm)
    guard let opening = plans.first?.plan.opening else { throw LabFailure("there is no policy") }
    let meter = UsageMeter(lab.state) { lab.state }
    let ownCPU = ProcessUsage.cpuSeconds
    let watch = RecordedWatch(
      try lab.state.pool(of: variant.architecture), plans[0].plan.policyID, opening: opening)
    let faults = FaultSchedule(variant.faults, lab, variant.architecture, opening: opening, seed: seed)
    let histories: [[History]]
    var happened: FaultOutcome
    do {
      histories = try await crowd.run(plans)
      outcome.generatorCPU = ProcessUsage.cpuSeconds - ownCPU
      happened = try await faults.finish()
      try interrupt.check()
      try await lab.awaitReadiness(of: up.parts, within: .seconds(60))
    } catch {
      _ = await watch.stop()
      throw error
    }
    // Up to here it is the load's: what comes then is for the check alone.
    let settled = await EvidenceReader.settle(lab.state, variant.architecture, every: .milliseconds(200))
    let usage = meter.stop()
    outcome.effort = Effort(
      recorded: await watch.stop(), rows: try await rows(lab.state, plans),
      requests: histories.joined().map(\.requests.count).reduce(0, +), settling: settled, usage: usage)
    happened.count(histories, recorded: outcome.effort.recorded)
    let late = try await crowd.comeAgain(plans, histories)
    outcome.histories = zip(histories, late).map { SeenHistories(planned: $0, late: $1) }
    try await verify(lab, happened, midnight, &outcome)
    outcome.finish(histories.map { $0[0] }, happened)
    return outcome
  }

  /// Coupons in the database now.
  private func rows(_ state: LabState, _ plans: [CrowdRun.Planned]) async throws -> Int {
    let pool = try state.pool(of: variant.architecture)
    defer { EventLoop.shared.spawn { await pool.close() } }
    var rows: Int64 = 0
    do {
      for planned in plans {
        rows += try await AuditSQL.couponCount(
          of: planned.plan.policyID, in: pool, deadline: .now + .seconds(10))
      }
    } catch { throw LabFailure("the database cannot be read: \(error)") }
    return Int(rows)
  }

  private func verify(
    _ lab: Lab, _ faults: FaultOutcome, _ midnight: Midnight?, _ outcome: inout VariantOutcome
  ) async throws {
    let progress = Progress("\(variant.name): verify")
    let shift = (midnight?.offsetMilliseconds ?? 0) * 1_000
    var records = faults.records
    for index in records.indices {
      records[index].from = Timestamp(microseconds: records[index].from.microseconds + shift)
      records[index].to = Timestamp(microseconds: records[index].to.microseconds + shift)
    }
    do {
      for ledger in outcome.histories {
        // The programs' clock is the one that coupons are judged by.
        let shifted = ledger.all.map { history in
          var history = history
          history.run.startedAt = Timestamp(microseconds: history.run.startedAt.microseconds + shift)
          return history
        }
        var evidence = try await EvidenceReader.read(
          lab.state, shifted, faults: records, clockOffset: shift, settled: outcome.effort.settling
        ) { lag in
          progress.update(nil, lag.map { "a lag of \(Numbers.count($0))" } ?? "no answer yet")
        }
        evidence.planned = ledger.planned.count
        outcome.evidence.append(evidence)
        outcome.verifications.append(Verification(checking: evidence))
      }
      progress.end(outcome.passed ? "verified" : "NOT VERIFIED")
    } catch {
      progress.abandon()
      throw error
    }
  }
}

/// What the clients of one policy saw.
struct SeenHistories {
  /// Of those who came by the plan.
  var planned: [History]
  /// Of those who came once more, so that it can be checked that the day fills.
  var late: [History]

  var all: [History] { planned + late }
}

/// The end of a day that is about to come, by clocks that are ahead of the machine's.
struct Midnight {
  /// On the machine's clock.
  let moment: Timestamp
  let offsetMilliseconds: Int64
  /// The day that ends, in Seoul.
  let day: Day

  static let timeZone = "Asia/Seoul"

  init(after lead: Duration) {
    let second = (SystemClock().now().microseconds + lead.nanoseconds / 1_000) / 1_000_000 + 1
    moment = Timestamp(microseconds: second * 1_000_000)
    // Seoul has no summer time: nine hours before UTC, always.
    let wall = second + 9 * 3_600
    let (past, rest) = wall.quotientAndRemainder(dividingBy: 86_400)
    offsetMilliseconds = (86_400 - rest) * 1_000
    day = Day(number: Int32(clamping: past))
  }

  var settings: [String: String] { ["CLOCK_OFFSET_MS": String(offsetMilliseconds)] }
}
