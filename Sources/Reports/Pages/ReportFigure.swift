import Figures
import Scenarios

/// One figure of a report: a row of its table, and a key of the medians in `report.json`.
struct ReportFigure {
  /// What stands before a time that may be the machine's.
  static let mark = "~"

  struct Group {
    let title: String
    let figures: [ReportFigure]
  }

  let key: String
  /// Short: three columns beside it must fit a terminal of 80.
  let label: String
  /// What it means, for pages.
  var help = ""
  let unit: SpreadText.Unit
  /// Whether it is a part of the figure above.
  var isPart = false
  let value: (TrialFigures) -> Double?

  /// - Parameter runs: of one column, one a round.
  static func medians(of runs: [TrialFigures]) -> [String: Spread] {
    var medians: [String: Spread] = [:]
    for figure in groups(of: runs).flatMap(\.figures) {
      medians[figure.key] = Spread(runs.compactMap(figure.value))
    }
    return medians
  }

  /// All figures in the order of the table; servers as the runs have them.
  static func groups(of runs: [TrialFigures]) -> [Group] {
    [
      Group(title: "People", figures: people(runs)), Group(title: "Correct?", figures: ledgers),
      Group(title: "How long people waited, retries included", figures: waits),
      Group(title: "The day, from the opening", figures: day),
      Group(title: "The rest of the platform (stays and bookings) and the crowd", figures: bystander),
      Group(title: "What it cost", figures: usage(runs)),
      Group(title: "The load generator", figures: generator),
    ]
  }

  // MARK: - The figures

  private static func count(
    _ key: String, _ label: String, _ help: String = "", _ value: @escaping (TrialFigures) -> Int
  ) -> ReportFigure {
    ReportFigure(key: key, label: label, help: help, unit: .count) { Double(value($0)) }
  }

  private static func people(_ runs: [TrialFigures]) -> [ReportFigure] {
    let otherwise = count("people.refused", "refused otherwise") { $0.people.otherwiseRefused }
    return [
      count("people.accepted", "accepted", "people who hold a coupon") { $0.people.accepted },
      count("people.soldout", "sold-out", "people who were told so") { $0.people.soldOut },
      count("people.failed", "failed", "people who never got an answer that settles it") { $0.people.failed },
      count(
        "people.retried", "had to retry",
        "people who asked again because of a 503, a timeout or a lost connection"
      ) { $0.people.retried },
    ] + (runs.contains { $0.people.otherwiseRefused > 0 } ? [otherwise] : [])
  }

  private static var ledgers: [ReportFigure] {
    [
      count("rows", "in the database", "coupons") { $0.ledgers.rows },
      count("oversold", "oversold", "coupons beyond the quota") { $0.ledgers.oversold },
      count("duplicates", "duplicates", "coupons beyond the first of a person") { $0.ledgers.duplicates },
    ]
  }

  private static var waits: [ReportFigure] {
    func figures(
      _ key: String, _ who: String, _ waits: @escaping (TrialFigures) -> LatencyFigures
    ) -> [ReportFigure] {
      [
        percentile("\(key).p50_ms", "\(who) p50") { waits($0).p50Ms },
        percentile("\(key).p99_ms", "\(who) p99") { waits($0).p99Ms },
        percentile("\(key).p999_ms", "\(who) p99.9") { waits($0).p999Ms },
      ]
    }
    return figures("winners", "winners") { $0.waits.winners }
      + figures("soldout", "sold-out") { $0.waits.soldOut }
  }

  /// Nil of so few answers that it is not known (`Percentile`).
  private static func percentile(
    _ key: String, _ label: String, _ help: String = "", _ value: @escaping (TrialFigures) -> Double?
  ) -> ReportFigure { ReportFigure(key: key, label: label, help: help, unit: .time, value: value) }

  private static var day: [ReportFigure] {
    [
      ("sell_out_s", "time to sell-out", "to the last coupon in somebody's hands"),
      ("durable_s", "all in the database", "every winner; looked at ten times a second"),
      ("answered_s", "everybody answered", "retries included"),
    ].map { key, label, help in
      ReportFigure(key: key, label: label, help: help, unit: .time) { run in
        run.metrics[key].map { $0 * 1_000 }
      }
    }
  }

  /// Latencies of good answers, with the share that failed beside them.
  private static var bystander: [ReportFigure] {
    func phase(_ name: String, _ of: @escaping (BystanderFigures) -> BystanderFigures.Phase) -> [ReportFigure]
    {
      let key = "bystander.\(name)"
      return [
        percentile("\(key).p50_ms", "p50 \(name)", "of good answers") {
          of($0.bystander).latency.p50Ms
        },
        percentile("\(key).p99_ms", "p99 \(name)", "of good answers") {
          of($0.bystander).latency.p99Ms
        },
        ReportFigure(key: "\(key).failed", label: "failed", unit: .share, isPart: true) {
          of($0.bystander).failedShare
        },
        ReportFigure(key: "\(key).requests", label: "of requests", unit: .count, isPart: true) {
          Double(of($0.bystander).count)
        },
      ]
    }
    return phase("before") { $0.before } + phase("during") { $0.during } + phase("after") { $0.after }
  }

  private static func usage(_ runs: [TrialFigures]) -> [ReportFigure] {
    var names: [String] = []
    for name in runs.flatMap({ $0.usage.map(\.name) }) where !names.contains(name) { names.append(name) }
    func parts(
      _ key: String, _ unit: SpreadText.Unit, _ value: @escaping (UsageFigures) -> Double?
    ) -> [ReportFigure] {
      names.map { name in
        ReportFigure(key: "\(key).\(name)", label: name, unit: unit, isPart: true) { run in
          run.usage.first { $0.name == name }.flatMap(value)
        }
      }
    }
    let cpu = ReportFigure(key: "cpu_s", label: "CPU, all servers", help: "seconds", unit: .cpu) { run in
      run.usage.map(\.cpuSeconds).reduce(0, +)
    }
    let memory = ReportFigure(
      key: "memory_mib", label: "memory, all servers", help: "the sum of each server's own peak",
      unit: .memory
    ) { run in mebibytes(run.usage.compactMap(\.peakMemoryBytes).reduce(0, +)) }
    return [cpu] + parts("cpu_s", .cpu) { $0.cpuSeconds }
      + [memory] + parts("memory_mib", .memory) { $0.peakMemoryBytes.map(mebibytes) }
  }

  private static func mebibytes(_ bytes: Int) -> Double { Double(bytes) / 1_048_576 }

  static let lateness = "lateness.share"

  private static var generator: [ReportFigure] {
    [
      ReportFigure(
        key: lateness, label: "late requests",
        help: "turned to more than \(Int(GeneratorFigures.lateMs)) ms after they were due", unit: .share
      ) { $0.generator.lateShare },
      ReportFigure(key: "generator.requests", label: "of requests", unit: .count, isPart: true) {
        $0.generator.requests.map(Double.init)
      },
      ReportFigure(key: "lateness.p99_ms", label: "p99 of its lateness", unit: .time) {
        $0.generator.latenessP99Ms
      },
      ReportFigure(key: "generator.cpu_s", label: "its CPU", help: "seconds", unit: .cpu) {
        $0.generator.cpuSeconds
      },
    ]
  }
}
