import Load
import Postgres
import Scenarios
package import Figures
import CouponStore
import EventLoop
import Foundation
package import History
import Laboratory
import Text
import Terminal
import Verify

/// One variant of a scenario, once: a fresh laboratory, a warm-up, the crowd with its faults, everybody who has no answer
/// once more after it, the check, and nothing left behind.
@LoopActor
struct VariantTrial {
  let scenario: Scenario
  let variant: Scenario.Variant
  let seed: UInt64
  let up: UpOptions
  /// A folder of its own.
  let folder: LabFolder
  let interrupt: Interrupt

  func run() async throws -> TrialOutcome {
    try await removeLeftovers()
    let lab = try Lab.open(folder, interrupt: interrupt)
    do {
      var up = up
      let midnight = variant.policy.midnightAt.map {
        Midnight(after: .seconds(16 + $0) + variant.crowd.before)
      }
      for part in up.parts {
        up.settings[part] = variant.programSettings.merging(midnight?.settings ?? [:]) { $1 }
      }
      up.redisDurability = variant.redis
      up.restart = scenario.restarts
      // A crash is for the crowd: the warm-up must not come near it.
      var start = up
      for part in start.parts { start.settings[part]?["CRASH_AT"] = nil }
      try await lab.up(start)
      let outcome = try await measure(lab, up, midnight)
      try await lab.reset()
      try? FileManager.default.removeItem(atPath: folder.path)
      return outcome
    } catch {
      // Nothing may be left running; the logs stay, to be read.
      await lab.stopAll()
      if error is Interrupted { try? await lab.reset() }
      throw error
    }
  }

  /// What a trial that was killed has left: processes, data, files.
  private func removeLeftovers() async throws {
    guard FileManager.default.fileExists(atPath: folder.path) else { return }
    try await Lab.open(folder, interrupt: interrupt).reset()
    try FileManager.default.removeItem(atPath: folder.path)
  }

  private func measure(_ lab: Lab, _ up: UpOptions, _ midnight: Midnight?) async throws -> TrialOutcome {
    let versions = await ServerFacts.versions(lab.state, variant.architecture)
    let programSettings = ServerFacts.settings(lab.state, up)
    let warm = try await TrialCrowd(self, lab.state, midnight).warmUp()
    if let point = variant.settings["CRASH_AT"] {
      _ = await EvidenceReader.settle(lab.state, variant.architecture)
      try await lab.arm(point.hasPrefix("worker") ? .worker : .api, crashAt: point)
      try await lab.awaitReadiness(of: up.parts, within: .seconds(60))
    }
    let crowd = TrialCrowd(self, lab.state, midnight)
    let plans = try await crowd.plans(warm)
    guard let opening = plans.first?.plan.opening else { throw LabFailure("there is no policy") }
    let meter = UsageMeter { lab.state }
    let ownCPU = ProcessUsage.cpuSeconds
    let watch = RecordedWatch(
      try lab.state.pool(of: variant.architecture), plans[0].plan.policyID, opening: opening)
    let faults = FaultSchedule(
      variant.faults, lab, variant.architecture, opening: opening, seed: seed,
      namePrefix: plans[0].plan.namePrefix)
    var effort = Effort()
    let histories: [[History]]
    var happened: FaultOutcome
    do {
      histories = try await crowd.run(plans)
      effort.generatorCPU = ProcessUsage.cpuSeconds - ownCPU
      happened = try await faults.finish()
      try interrupt.check()
      try await lab.awaitReadiness(of: up.parts, within: .seconds(60))
    } catch {
      _ = await watch.stop()
      throw error
    }
    // Up to here it is the load's: what comes then is for the check alone.
    effort.settling = await EvidenceReader.settle(lab.state, variant.architecture, every: .milliseconds(200))
    effort.usage = meter.stop()
    effort.recorded = await watch.stop()
    effort.rows = try await rows(lab.state, plans)
    effort.requests = histories.joined().map(\.requests.count).reduce(0, +)
    happened.count(histories, recorded: effort.recorded)
    let seen = zip(histories, try await crowd.comeAgain(plans, histories)).map {
      SeenHistories(planned: $0, late: $1)
    }
    var record = TrialRecord(
      crowd: histories.map { $0[0] }, quota: max(1, variant.policy.quota / variant.policy.count))
    (record.effort, record.faults) = (effort, happened)
    try await check(lab, seen, midnight, &record)
    return TrialOutcome(
      figures: TrialFigures(record), versions: versions, programSettings: programSettings, histories: seen)
  }

  /// Coupons in the database now.
  private func rows(_ state: LabState, _ plans: [TrialCrowd.Planned]) async throws -> Int {
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

  /// Reads the ledgers of each policy and checks the invariants.
  private func check(
    _ lab: Lab, _ seen: [SeenHistories], _ midnight: Midnight?, _ record: inout TrialRecord
  ) async throws {
    let progress = PhaseProgress("\(variant.name): verify")
    do {
      for ledger in seen {
        var evidence = try await EvidenceReader.read(
          lab.state, ledger.all, faults: record.faults?.records ?? [],
          clockOffset: (midnight?.offsetMilliseconds ?? 0) * 1_000, settled: record.effort.settling
        ) { lag in
          progress.update(nil, lag.map { "a lag of \(Numbers.count($0))" } ?? "no answer yet")
        }
        evidence.planned = ledger.planned.count
        record.evidence.append(evidence)
        record.verifications.append(Verification(checking: evidence))
      }
      progress.end(record.verifications.allSatisfy(\.passed) ? "verified" : "NOT VERIFIED")
    } catch {
      progress.abandon()
      throw error
    }
  }
}

/// What a trial has shown.
package struct TrialOutcome {
  package var figures: TrialFigures
  var versions: [String: String]
  var programSettings: [String: [String: String]]
  /// One a policy.
  package var histories: [SeenHistories]
}

/// What the clients of one policy saw.
package struct SeenHistories {
  /// Of those who came by the plan.
  package var planned: [History]
  /// Of those who came once more, so that it can be checked that the day fills.
  var late: [History]

  var all: [History] { planned + late }
}
