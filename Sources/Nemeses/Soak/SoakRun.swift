import CouponDomain
package import EventLoop
import Experiments
import Faults
import Figures
import Foundation
package import History
package import Laboratory
import Load
import Operations
import Postgres
import Scenarios
package import Terminal
import Text
import Verify

/// What a soak is asked for.
package struct SoakOptions: Sendable {
  package var seed: UInt64
  package var seconds: Double
  package var only: Architecture?
  /// People a second and architecture.
  package var rate = 30.0
  /// Coupons of each minute's policy; everybody after them hears "sold out".
  package var quota = 60
  package var up = UpOptions()
  /// Where the figures are written.
  package var figures: String

  package init(seed: UInt64, seconds: Double, figures: String) {
    (self.seed, self.seconds, self.figures) = (seed, seconds, figures)
  }
}

/// What a soak has shown. `soak.json` is this; `soak.csv` are the samples.
package struct SoakReport: Codable, Sendable {
  package struct Round: Codable, Sendable {
    package var architecture: String
    package var fault: String
    package var bites: Int
    package var requests: Int
    package var coupons: Int
    package var isVerified: Bool
    package var broken: [String]
  }

  package var seed: String
  package var seconds = 0.0
  package var rounds: [Round] = []
  package var flatness: [Flatness] = []

  package var hasPassed: Bool {
    !rounds.isEmpty && rounds.allSatisfy(\.isVerified) && !flatness.isEmpty && flatness.allSatisfy(\.isFlat)
  }
}

/// Both programs under a steady load with a small fault a minute, for as long as it is told, and what they use meanwhile.
///
/// No program is started again: what one has lost would be forgotten with it.
@LoopActor
package final class SoakRun {
  private let options: SoakOptions
  private let folder: LabFolder
  private let interrupt: Interrupt
  private var samples: [SoakSample] = []
  private var rows = 0
  private var report: SoakReport
  private var line = ""

  private static let roundSeconds = 50.0
  private static let sampleSeconds = 5.0

  package init(_ options: SoakOptions, in folder: LabFolder, interrupt: Interrupt) {
    (self.options, self.folder, self.interrupt) = (options, folder, interrupt)
    report = SoakReport(seed: String(options.seed))
  }

  package func run() async throws -> SoakReport {
    if FileManager.default.fileExists(atPath: folder.path) {
      try await Lab.open(folder, interrupt: interrupt).reset()
      try FileManager.default.removeItem(atPath: folder.path)
    }
    let lab = try Lab.open(folder, interrupt: interrupt)
    var up = options.up
    if let only = options.only { up.architectures = [only] }
    up.partitions = 32
    do {
      try await lab.up(up)
      try await soak(lab)
      try write()
      await lab.stopAll()
      if report.hasPassed { try await lab.reset() }
    } catch {
      try? write()
      await lab.stopAll()
      throw error
    }
    return report
  }

  private func soak(_ lab: Lab) async throws {
    let begun = Instant.now
    func seconds() -> Double { (.now - begun).milliseconds / 1_000 }
    let progress = PhaseProgress("soak")
    let ticker = Ticker(every: .seconds(SoakRun.sampleSeconds)) { [self] in
      let now = SoakLook(state: lab.state, folder: folder).samples(at: seconds(), rows: rows)
      samples += now
      progress.update(seconds() / options.seconds, line(now))
    }
    defer {
      ticker.stop()
      progress.abandon()
    }
    let architectures = Architecture.allCases.filter { options.only ?? $0 == $0 }
    var number = 0
    repeat {
      number += 1
      let left = max(10, min(SoakRun.roundSeconds, options.seconds - seconds()))
      let arena = Arena(lab, architectures, seconds: left, seed: options.seed &+ UInt64(number))
      try await round(arena, number)
    } while seconds() < options.seconds
    report.seconds = seconds().rounded()
    report.flatness = Flatness.judge(samples)
    progress.end("over")
  }

  /// The live line: memory and descriptors of the programs, and what has been verified.
  private func line(_ now: [SoakSample]) -> String {
    let parts = now.filter { LabPart(rawValue: $0.name)?.isProgram == true }.map {
      "\($0.name) \(Numbers.bytes($0.memoryBytes)) \($0.descriptors) fd"
    }
    let good = report.rounds.count(where: \.isVerified)
    return parts.joined(separator: ", ") + "; \(good) of \(report.rounds.count) verified"
  }

  private func round(_ arena: Arena, _ number: Int) async throws {
    let seed = options.seed &+ UInt64(number) &* 1_000
    var crowds: [ArenaCrowd] = []
    for architecture in arena.architectures {
      crowds.append(
        try await ArenaCrowd(
          architecture, arena.lab, rate: options.rate, seconds: arena.seconds, seed: seed, midnight: nil,
          quota: options.quota))
    }
    arena.opening = crowds.map(\.opening).max() ?? arena.now
    let fault = SmallFault.all[number % SmallFault.all.count]
    let strike: @Sendable @LoopActor () async throws -> Void = {
      try await arena.until(0.7)
      try await fault.strike(arena)
    }
    let come = crowds.map { crowd -> @Sendable @LoopActor () async throws -> Void in
      { try await crowd.come() }
    }
    try await arena.together([strike] + come)
    try await arena.lab.awaitReadiness(
      of: arena.lab.state.running.map(\.part).filter(\.isProgram), within: .seconds(60))
    try await arena.together(crowds.map { crowd in { try await crowd.comeAgain() } })
    for crowd in crowds { try await judge(crowd, arena, fault) }
  }

  private func judge(_ crowd: ArenaCrowd, _ arena: Arena, _ fault: SmallFault) async throws {
    await crowd.settled()
    let histories = crowd.planned + crowd.late
    let verification = Verification(checking: try await EvidenceReader.read(arena.lab.state, histories))
    let bites = arena.blows.filter { $0.architecture == crowd.architecture }.map {
      $0.bites(crowd.planned, recorded: crowd.recorded, opening: crowd.opening)
    }.reduce(0, +)
    let requests = histories.flatMap(\.requests)
    rows += verification.tally.rows + requests.count { $0.call == .booking && $0.outcome.isOK }
    let broken = verification.findings.filter { !$0.passes }.map { "\($0.invariant.name): \($0.detail)" }
    report.rounds.append(
      SoakReport.Round(
        architecture: crowd.architecture.rawValue, fault: fault.name, bites: bites, requests: requests.count,
        coupons: verification.tally.rows, isVerified: verification.passed, broken: broken))
    for finding in broken {
      Terminal.line("\(crowd.architecture.rawValue), \(fault.name): NOT VERIFIED, \(finding)")
    }
  }

  private func write() throws {
    try FileManager.default.createDirectory(atPath: options.figures, withIntermediateDirectories: true)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(report).write(
      to: URL(fileURLWithPath: options.figures + "/soak.json"), options: .atomic)
    var csv = "seconds,name,memory_bytes,descriptors,disk_bytes,rows\n"
    for sample in samples {
      csv +=
        "\(sample.seconds),\(sample.name),\(sample.memoryBytes),\(sample.descriptors),\(sample.diskBytes),\(sample.rows)\n"
    }
    try Data(csv.utf8).write(to: URL(fileURLWithPath: options.figures + "/soak.csv"), options: .atomic)
  }
}

/// A fault that everybody gets over within seconds, and that ends no program.
private struct SmallFault: Sendable {
  let name: String
  let strike: @Sendable @LoopActor (Arena) async throws -> Void

  static let all = [
    SmallFault(name: "Redis stopped for a second") { try await $0.stop(.redis, 1) },
    SmallFault(name: "Redis flushed") { try await $0.inject(.flush, "Redis flushed") },
    SmallFault(name: "the database slower by 50 ms") {
      try await $0.switched(.database, .latency, 5, latencyMs: 50)
    },
    SmallFault(name: "one of ten messages to Kafka in vain") {
      try await $0.switched(.kafka, .flaky, 5, rate: 0.1)
    },
    SmallFault(name: "the database stopped for a second") { try await $0.stop(.database, 1) },
    SmallFault(name: "events twice") {
      try await $0.inject(.duplicates(share: 0.01, seed: $0.random.next()), "events twice")
    },
    SmallFault(name: "the broker stopped for a second") { try await $0.stop(.kafka, 1) },
  ]
}
