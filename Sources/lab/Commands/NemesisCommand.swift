import EventLoop
import Experiments
import Foundation
import History
import Laboratory
import Nemeses
import Terminal

extension LabCommand {
  static let nemesis = LabCommand(
    "nemesis", "break real processes under load, heal them, and verify the result",
    usage: """
      N1…N16 [--for 60s] [--seed S] [--only monolith|eda] [OPTIONS]
             nemesis --mix [--for 1000s] [--seed S] | nemesis --all | nemesis --list
      """,
    options: [
      ("N1…N16", "one or several (docs/nemeses.md); each in a laboratory of its own"),
      ("--mix", "N13: a random mix of the others"),
      ("--all", "all of them, each as short as possible"),
      ("--list", "what each of them breaks"),
      ("--for TIME", "repeat rounds for this long: 60s, 1000s, 20m; otherwise one round"),
      ("--seed S", "the seed that an earlier run printed"),
      ("--only monolith|eda", "only this architecture"),
      ("--rate N", "users a second for each architecture; 60"),
      ("--strategy NAME", "COUPON_STRATEGY of the event-driven version, to check that a wrong one is found"),
      ("--kafka installed", "an installed Kafka (KAFKA_HOME) instead of the embedded broker"),
      ("--json FILE", "write what was broken, how often it was felt and what was found, as JSON"),
    ]
  ) { arguments, folder in
    let request = try NemesisRequest(&arguments)
    try arguments.finish()
    if request.isList {
      for nemesis in Nemesis.all {
        let those = nemesis.architectures.map(\.rawValue).joined(separator: ", ")
        Terminal.line("\(nemesis.name.padded(to: 4))\(nemesis.title) (\(those))")
      }
      return 0
    }
    return try await request.run(in: LabFolder(path: folder.path + "/nemesis"))
  }
}

/// What a `lab nemesis …` line asks for. Exit codes: 0 verified, 1 violated or never bit, 2 not understood.
struct NemesisRequest {
  let isList: Bool
  private let nemeses: [Nemesis]
  private var options: NemesisOptions
  private let file: String?

  init(_ arguments: inout CommandArguments) throws {
    isList = arguments.flag("--list")
    let (isMix, isAll) = (arguments.flag("--mix"), arguments.flag("--all"))
    options = NemesisOptions(seed: try arguments.seed() ?? .random(in: 1...999_999_999))
    options.seconds = try arguments.time("--for").map { $0.milliseconds / 1_000 }
    options.only = try arguments.architecture()
    options.rate = try arguments.number("--rate", in: 5...5_000) ?? options.rate
    options.strategy = try arguments.option("--strategy")
    options.up.installedKafka = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    // Only servers that can be broken.
    for name in SettingSource.servers { options.up.environment[name] = nil }
    file = try arguments.option("--json")
    var named = try arguments.positionals().map { name in
      guard let nemesis = Nemesis.named(name) else {
        throw UsageError("unknown nemesis “\(name)”; lab nemesis --list lists them")
      }
      return nemesis
    }
    if isMix { named += [Nemesis.named("N13")].compactMap { $0 } }
    guard isList || isAll == named.isEmpty else {
      throw UsageError("name a nemesis, or use --mix, --all or --list")
    }
    nemeses = isAll ? Nemesis.all : named
  }

  func run(in folder: LabFolder) async throws -> Int32 {
    var reports: [NemesisReport] = []
    Terminal.line("seed \(options.seed)")
    for nemesis in nemeses {
      Terminal.line("\(nemesis.name): \(nemesis.title)")
      let place = LabFolder(path: "\(folder.path)/\(nemesis.name)")
      let report: NemesisReport
      do { report = try await NemesisRun(nemesis, options, in: place, interrupt: .shared).run() } catch let
        error
        as LabFailure
      { throw LabFailure("\(nemesis.name), seed \(options.seed): \(error)") }
      reports.append(report)
      show(report, place)
    }
    if let file {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try encoder.encode(reports).write(to: URL(fileURLWithPath: file), options: .atomic)
    }
    let failed = reports.filter { !$0.hasPassed }
    if reports.count > 1 {
      let skipped = reports.filter { $0.verdict == .skipped }.map(\.name)
      Terminal.line(
        (failed.isEmpty
          ? "Every fault was felt, and every run is verified."
          : "FAILED: \(failed.map(\.name).joined(separator: ", "))")
          + (skipped.isEmpty ? "" : " Skipped: \(skipped.joined(separator: ", ")).")
          + " Seed \(options.seed).")
    }
    return failed.isEmpty ? 0 : 1
  }

  private func show(_ report: NemesisReport, _ place: LabFolder) {
    for trial in report.trials {
      Terminal.line(
        "  round \(trial.round), \(trial.architecture): \(Numbers.count(trial.requests)) requests, "
          + "\(Numbers.count(trial.coupons)) coupons")
      for fault in trial.faults {
        Terminal.line("    \(fault.words)")
        for stretch in fault.waits { Terminal.line("      \(stretch.words)") }
      }
      for finding in trial.findings where finding.isBroken {
        Terminal.line("    ! \(finding.invariant) \(finding.verdict): \(finding.detail)")
      }
    }
    for why in report.skipped { Terminal.line("  SKIPPED: \(why)") }
    let words =
      switch report.verdict {
      case .verified: "felt, and verified"
      case .violated: "VIOLATED; logs and tables are kept in \(place.path)"
      case .neverBit: "NEVER FELT: this run proves nothing"
      case .skipped: "SKIPPED"
      }
    Terminal.line(
      "\(report.name): \(words) (seed \(report.seed), \(Numbers.decimal(report.seconds, digits: 0)) s)")
  }
}
