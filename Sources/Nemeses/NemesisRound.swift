import EventLoop
import Experiments
import Figures
import Foundation
import History
import Laboratory
import Terminal
import Text
import Verify

/// One round: a policy for each architecture, the crowd, the blows, healing, the check.
@LoopActor
final class NemesisRound {
  private let arena: Arena
  private let nemesis: Nemesis
  private let options: NemesisOptions
  private let number: Int
  private var crowds: [ArenaCrowd] = []

  private static let longestHealing = Duration.seconds(60)

  init(_ arena: Arena, _ nemesis: Nemesis, _ options: NemesisOptions, number: Int) {
    (self.arena, self.nemesis, self.options, self.number) = (arena, nemesis, options, number)
  }

  /// - Parameter midnight: when it is, and at which second of the round.
  func run(_ midnight: (Midnight, Double)?) async throws -> [NemesisReport.Trial] {
    arena.blows = []
    for architecture in arena.architectures {
      crowds.append(
        try await ArenaCrowd(
          architecture, arena.lab, rate: options.rate, seconds: arena.seconds,
          seed: options.seed &+ UInt64(number) &* 1_000, midnight: midnight.map { ($0.0, $0.1) }))
    }
    arena.policies = Dictionary(uniqueKeysWithValues: crowds.map { ($0.architecture, $0.policy) })
    arena.opening = crowds.map(\.opening).max() ?? arena.now
    let progress = PhaseProgress("\(nemesis.name), round \(number)")
    defer { progress.abandon() }
    try await fight()
    try await arena.lab.awaitReadiness(
      of: [.monolith, .edaWorker, .edaAPI].filter { arena.lab.state.part($0) != nil },
      within: NemesisRound.longestHealing)
    try await arena.together(crowds.map { crowd in { try await crowd.comeAgain() } })
    var trials: [NemesisReport.Trial] = []
    for crowd in crowds { trials.append(try await judge(crowd, midnight?.0)) }
    progress.end(trials.allSatisfy(\.isVerified) ? "verified" : "NOT VERIFIED")
    return trials
  }

  /// What clients saw of a round in which something was found.
  func keepHistories(in folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for crowd in crowds {
      for (index, history) in (crowd.planned + crowd.late).enumerated() {
        let file = "\(folder)/round-\(number)-\(crowd.architecture.rawValue)-\(index + 1).tsv"
        try HistoryFile.write(history, to: file)
        Terminal.line("  what clients saw: \(file)")
      }
    }
  }

  private func fight() async throws {
    let (arena, nemesis) = (arena, nemesis)
    let strike: @Sendable @LoopActor () async throws -> Void = {
      try await arena.until(0)
      try await nemesis.strike(arena)
    }
    let crowds = crowds
    let come = crowds.map { crowd -> @Sendable @LoopActor () async throws -> Void in
      { try await crowd.come() }
    }
    try await arena.together([strike] + come)
  }

  private func judge(_ crowd: ArenaCrowd, _ midnight: Midnight?) async throws -> NemesisReport.Trial {
    let settling = await EvidenceReader.settle(arena.lab.state, crowd.architecture)
    await crowd.settled()
    let histories = crowd.planned + crowd.late
    var (faults, records): ([NemesisReport.Fault], [FaultRecord]) = ([], [])
    let blows = arena.blows.filter { $0.architecture == crowd.architecture }
    for blow in blows {
      let bites = blow.bites(crowd.planned, recorded: crowd.recorded, opening: crowd.opening)
      let fault = NemesisReport.Fault(blow, bites: bites, crowd.planned, among: blows)
      faults.append(fault)
      // One that another one has hidden is no evidence; that any was there at all is judged by the report.
      if fault.isProven || !nemesis.mayHide { records.append(blow.record(bites: bites)) }
    }
    var evidence = try await EvidenceReader.read(
      arena.lab.state, histories, faults: records,
      clockOffset: (midnight?.offsetMilliseconds ?? 0) * 1_000, settled: settling)
    evidence.planned = crowd.planned.count
    let verification = Verification(checking: evidence)
    return NemesisReport.Trial(
      round: number, architecture: crowd.architecture.rawValue,
      requests: histories.map(\.requests.count).reduce(0, +), coupons: verification.tally.rows,
      faults: faults, findings: verification.findings.map { NemesisReport.Finding($0) },
      isVerified: verification.passed, mayHide: nemesis.mayHide)
  }
}
