package import EventLoop
import Experiments
import Foundation
import History
package import Laboratory
package import Terminal
import Text
import Verify

/// One nemesis in laboratories of its own, until its time is over or something is found.
@LoopActor
package struct NemesisRun {
  private let nemesis: Nemesis
  private let options: NemesisOptions
  private let folder: LabFolder
  private let interrupt: Interrupt
  private let architectures: [Architecture]

  /// - Parameter folder: where its laboratories are made; what clients saw stays there if something was found.
  package init(_ nemesis: Nemesis, _ options: NemesisOptions, in folder: LabFolder, interrupt: Interrupt) {
    (self.nemesis, self.options, self.folder, self.interrupt) = (nemesis, options, folder, interrupt)
    architectures = nemesis.architectures.filter { options.only ?? $0 == $0 }
  }

  /// - Throws: `LabFailure` where a laboratory does not start or cannot be read; `Interrupted`.
  package func run() async throws -> NemesisReport {
    var report = NemesisReport(nemesis, seed: options.seed)
    guard !architectures.isEmpty else {
      report.skipped.append("the \(options.only?.rawValue ?? "") has nothing that this nemesis breaks")
      return report
    }
    if let why = await nemesis.missing(options.up) {
      report.skipped.append(why)
      return report
    }
    let begun = Instant.now
    func hasTime() -> Bool {
      let used = (.now - begun).milliseconds / 1_000
      return used + nemesis.seconds <= options.seconds ?? 0
    }
    repeat {
      try await laboratory(&report, mayGoOn: hasTime)
    } while report.isSound && !report.trials.isEmpty && hasTime()
    report.seconds = ((.now - begun).milliseconds / 100).rounded() / 10
    return report
  }

  /// The embedded broker holds 5 MiB a partition, and a mix writes some messages twice.
  private static let mostRounds = 10

  /// A laboratory with as many rounds as it may have.
  private func laboratory(_ report: inout NemesisReport, mayGoOn: () -> Bool) async throws {
    try await removeLeftovers()
    let lab = try Lab.open(folder, interrupt: interrupt)
    let arena = Arena(
      lab, architectures, seconds: nemesis.seconds, seed: options.seed &+ UInt64(report.trials.count))
    do {
      let midnight = nemesis.midnightAt.map { share in
        (Midnight(after: .seconds(20 + share * nemesis.seconds)), share * nemesis.seconds)
      }
      try await start(arena, midnight?.0)
      var rounds = 0
      repeat {
        rounds += 1
        let round = NemesisRound(arena, nemesis, options, number: (report.trials.last?.round ?? 0) + 1)
        let trials = try await round.run(midnight)
        report.trials += trials
        if trials.contains(where: { !$0.isVerified }) { try round.keepHistories(in: kept) }
      } while !nemesis.needsFreshLaboratory && rounds < NemesisRun.mostRounds && report.isSound
        && mayGoOn()
    } catch {
      await end(arena)
      throw error
    }
    report.skipped += arena.skipped.filter { !report.skipped.contains($0) }
    // The logs and tables of a run that has found something stay, to be looked into.
    let isGood = report.verdict == .verified
    await end(arena)
    guard isGood else { return }
    try await lab.reset()
    try FileManager.default.removeItem(atPath: folder.path)
  }

  private var kept: String { folder.path + "/found" }

  private func start(_ arena: Arena, _ midnight: Midnight?) async throws {
    var up = options.up
    up.architectures = Set(architectures)
    // Several rounds share a broker that holds 5 MiB a partition.
    up.partitions = 32
    try await nemesis.prepare(arena, &up)
    for part in up.parts {
      up.settings[part, default: [:]].merge(midnight?.settings ?? [:]) { $1 }
      if part != .monolith, let strategy = options.strategy {
        up.settings[part, default: [:]]["COUPON_STRATEGY"] = strategy
      }
    }
    up.wire = { [nemesis] in try await nemesis.wire(arena) }
    try await arena.lab.up(up)
  }

  private func end(_ arena: Arena) async {
    arena.lab.resumeAll()
    await arena.lab.stopAll()
    await arena.cleanUp()
  }

  /// What an earlier run has left: processes, data, files.
  private func removeLeftovers() async throws {
    guard FileManager.default.fileExists(atPath: folder.path) else { return }
    let lab = try Lab.open(folder, interrupt: interrupt)
    // A cluster of three brokers is named, and ours: it has ended, and its topic with it.
    if lab.state.log?.kind == .named { try lab.update { $0.log = nil } }
    try await lab.reset()
    try FileManager.default.removeItem(atPath: folder.path)
  }
}
