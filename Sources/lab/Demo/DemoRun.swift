import CouponDomain
import EventLoop
import Foundation
import History
import Laboratory
import Load
import Terminal
import Verify

/// One architecture's part of a demo: a fresh laboratory, a warm-up, the crowd, the check, and nothing left behind.
@LoopActor
struct DemoRun {
  struct Result {
    var figures: RunFigures
    var versions: [String: String]
    var settings: [String: [String: String]]
  }

  let options: LoadOptions
  let up: UpOptions
  let architecture: Architecture
  /// A folder of its own, beside the person's laboratory.
  let folder: LabFolder
  /// Where the history is kept.
  let report: String
  let interrupt: Interrupt

  func run() async throws -> Result {
    try await removeLeftovers()
    let lab = try Lab.open(folder, interrupt: interrupt)
    do {
      try await lab.up(up)
      let result = try await measure(lab.state)
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

  /// What a demo that was killed has left: processes, data, files.
  private func removeLeftovers() async throws {
    guard FileManager.default.fileExists(atPath: folder.path) else { return }
    try await Lab.open(folder, interrupt: interrupt).reset()
    try FileManager.default.removeItem(atPath: folder.path)
  }

  private func measure(_ state: LabState) async throws -> Result {
    let versions = await ServerFacts.versions(state, architecture)
    let settings = await ServerFacts.settings(state, up)
    try await warmUp(state)
    let session = try LoadSession(options, architecture, state)
    let plan = try await session.plan()
    let meter = UsageMeter(state)
    let ownCPU = ProcessUsage.cpuSeconds
    let watch = RecordedWatch(try state.pool(of: architecture), plan.policyID, opening: plan.opening)
    let history: History
    do {
      history = try await session.run(plan, interrupt: interrupt)
    } catch {
      _ = await watch.stop()
      throw error
    }
    let generator = ProcessUsage.cpuSeconds - ownCPU
    // What recording the coupons costs belongs to it, what checking them costs does not.
    let settled = await EvidenceReader.settle(state, architecture, every: .milliseconds(200))
    let usage = meter.stop()
    let recorded = await watch.stop()
    try HistoryFile.write(history, to: "\(report)/\(architecture.rawValue).tsv")
    let verification = try await verify(state, history, settled)
    return Result(
      figures: figures(history, verification, recorded, usage, generatorCPU: generator), versions: versions,
      settings: settings)
  }

  /// Some seconds of a small crowd for a policy of its own: connections, plans, caches and pools are there then.
  private func warmUp(_ state: LabState) async throws {
    var small = options
    (small.people, small.quota, small.rate, small.earlyShare) = (1_500, 100, 1_000, 0)
    (small.before, small.after) = (.milliseconds(200), .zero)
    let session = try LoadSession(small, architecture, state)
    _ = try await session.run(try await session.plan(), named: "warm-up", interrupt: interrupt)
  }

  private func verify(
    _ state: LabState, _ history: History, _ settled: Settling
  ) async throws -> Verification {
    try interrupt.check()
    let progress = PhaseProgress("\(architecture.rawValue): verify")
    do {
      let evidence = try await EvidenceReader.read(state, [history], settled: settled) { lag in
        progress.update(nil, lag.map { "a lag of \(Numbers.count($0))" } ?? "no answer yet")
      }
      let verification = Verification(checking: evidence)
      progress.end(verification.passed ? "verified" : "NOT VERIFIED")
      return verification
    } catch {
      progress.abandon()
      throw error
    }
  }

  private func figures(
    _ history: History, _ verification: Verification, _ recorded: [CountPoint], _ usage: [UsageFigures],
    generatorCPU: Double
  ) -> RunFigures {
    let seen = HistoryFigures(history, quota: options.quota)
    var series = SeriesFigures(history)
    series.recorded = recorded
    let rows = verification.tally.rows
    return RunFigures(
      architecture: architecture.rawValue, strategy: history.run.strategy, people: seen.people,
      requests: seen.requests, waits: seen.waits, bystander: seen.bystander,
      ledgers: LedgerFigures(verification.tally, gate: verification.gate),
      milestones: MilestoneFigures(
        soldOutSeconds: seen.soldOutSeconds,
        durableSeconds: rows == 0 ? nil : recorded.first { $0.count >= rows }?.seconds,
        answeredSeconds: seen.answeredSeconds),
      generator: GeneratorFigures(lateness: seen.lateness, cpuSeconds: generatorCPU), usage: usage,
      findings: verification.findings.map(FindingFigures.init), series: series, verified: verification.passed)
  }
}
