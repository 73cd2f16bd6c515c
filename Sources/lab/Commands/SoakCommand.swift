import Foundation
import Laboratory
import Nemeses
import Terminal

extension LabCommand {
  static let soak = LabCommand(
    "soak",
    "run both programs for long, under steady load and small faults; verify them and check that their use of memory and disk stays flat",
    usage:
      "--for 1h [--seed S] [--only monolith|eda] [--rate N] [--quota N] [--kafka installed] [--figures FOLDER]",
    options: [
      ("--for TIME", "40m, 1h, 2h; at most a day"),
      ("--seed S", "the seed that an earlier run printed"),
      ("--only monolith|eda", "only this architecture"),
      ("--rate N", "users a second for each architecture; 30"),
      ("--quota N", "coupons of each minute's policy; 60"),
      ("--kafka installed", "an installed Kafka (KAFKA_HOME) instead of the embedded broker"),
      ("--figures FOLDER", "where soak.json and soak.csv are written; .lab/soak-figures"),
    ]
  ) { arguments, folder in
    guard let seconds = try arguments.longTime("--for") else {
      throw UsageError("--for is missing: say how long, for example --for 1h")
    }
    var options = SoakOptions(
      seed: try arguments.seed() ?? .random(in: 1...999_999_999), seconds: seconds,
      figures: try arguments.option("--figures") ?? folder.path + "/soak-figures")
    options.only = try arguments.architecture()
    options.rate = try arguments.number("--rate", in: 1...5_000) ?? options.rate
    options.quota = try arguments.number("--quota", in: 10...10_000) ?? options.quota
    options.up.installedKafka = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    for name in SettingSource.servers { options.up.environment[name] = nil }
    try arguments.finish()
    Terminal.line("seed \(options.seed)")
    let place = LabFolder(path: folder.path + "/soak")
    let report = try await SoakRun(options, in: place, interrupt: .shared).run()
    for line in SoakTable(report).lines { Terminal.line(line) }
    Terminal.line(
      "\(report.hasPassed ? "Verified, and flat" : "NOT VERIFIED, OR NOT FLAT"). The figures: \(options.figures)"
    )
    return report.hasPassed ? 0 : 1
  }
}

/// What a soak has shown, for the terminal.
struct SoakTable {
  let lines: [String]

  init(_ report: SoakReport) {
    var table = TextTable(head: ["after the warm-up", "", "from", "to", "may rise by", ""])
    for flatness in report.flatness {
      func value(_ number: Double) -> String {
        flatness.measure == "descriptors" ? Numbers.decimal(number, digits: 1) : Numbers.bytes(Int(number))
      }
      table.rows.append([
        flatness.name, flatness.measure, value(flatness.from), value(flatness.to), value(flatness.allowed),
        flatness.isFlat ? "flat" : "RISES",
      ])
    }
    let good = report.rounds.count(where: \.isVerified)
    let bites = report.rounds.map(\.bites).reduce(0, +)
    let requests = report.rounds.map(\.requests).reduce(0, +)
    lines =
      table.lines + [
        """
        \(Numbers.decimal(report.seconds, digits: 0)) s, \(Numbers.count(requests)) requests, \
        \(Numbers.count(bites)) bites of small faults, \(good) of \(report.rounds.count) rounds verified
        """
      ]
  }
}

extension CommandArguments {
  /// Seconds: `40m`, `1h`; a bare number is seconds. At least 10 s, at most a day.
  mutating func longTime(_ name: String) throws(UsageError) -> Double? {
    guard let text = try option(name) else { return nil }
    let digits = text.prefix { $0.isNumber || $0 == "." }
    let units = ["": 1.0, "s": 1, "m": 60, "h": 3_600]
    guard let number = Double(digits), let unit = units[String(text.dropFirst(digits.count))],
      case let seconds = number * unit, seconds >= 10, seconds <= 86_400
    else {
      throw UsageError("\(name) must be a time such as 90s, 40m or 1h, from 10 s to a day, not “\(text)”")
    }
    return seconds
  }
}
