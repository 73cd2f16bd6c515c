import Figures
import Terminal

extension FigureTable {
  /// The table of a report.
  package init(_ report: Report) {
    let table = SideBySide(runs: report.runs, quota: report.settings.quota)
    self.init(
      columns: report.runs.map(\.architecture),
      groups: [
        Group(title: "People", rows: table.people),
        Group(title: "Correct?", rows: table.ledgers),
        Group(title: "How long people waited, retries included", rows: table.waits),
        Group(title: "The day", rows: table.day),
        Group(title: "The rest of the platform (stays and bookings)", rows: table.bystander),
        Group(title: "What it cost", rows: table.usage),
        Group(title: "The load generator", rows: table.generator),
      ])
  }
}

/// The rows of a report's table.
private struct SideBySide {
  typealias Row = FigureTable.Row

  let runs: [TrialFigures]
  let quota: Int

  private func row(
    _ label: String, _ help: String = "", isPart: Bool = false, _ value: (TrialFigures) -> String
  ) -> Row { Row(label: label, values: runs.map(value), help: help, isPart: isPart) }

  private func count(_ label: String, _ help: String = "", _ value: (TrialFigures) -> Int) -> Row {
    row(label, help) { Numbers.count(value($0)) }
  }

  /// A latency in milliseconds.
  private func latency(_ label: String, _ help: String = "", _ value: (TrialFigures) -> Double?) -> Row {
    row(label, help) { Numbers.duration(milliseconds: value($0)) }
  }

  /// A metric of the run in seconds.
  private func seconds(_ label: String, _ help: String, metric: String) -> Row {
    row(label, help) { Numbers.duration(seconds: $0.metrics[metric]) }
  }

  var people: [Row] {
    let otherwise = count("refused otherwise") { $0.people.otherwiseRefused }
    return [
      count("accepted", "people who hold a coupon") { $0.people.accepted },
      count("sold-out", "people who heard \"sold out\"") { $0.people.soldOut },
      count("failed", "people who never got a final answer") { $0.people.failed },
      count("had to retry", "people who asked again because of a 503, a timeout or a lost connection") {
        $0.people.retried
      },
    ] + (runs.contains { $0.people.otherwiseRefused > 0 } ? [otherwise] : [])
  }

  var ledgers: [Row] {
    [
      count("coupons in the database", "quota \(Numbers.count(quota))") { $0.ledgers.rows },
      count("oversold", "coupons beyond the quota") { $0.ledgers.oversold },
      count("duplicates", "coupons beyond the first of a person") { $0.ledgers.duplicates },
      row("verified", "the invariants, from the clients' history, the log and the database") { run in
        let broken = run.findings.filter(\.isBroken).map(\.invariant)
        return run.verified ? "yes" : "NO: " + broken.joined(separator: " ")
      },
    ]
  }

  var waits: [Row] {
    func rows(_ who: String, _ waits: (TrialFigures) -> LatencyFigures) -> [Row] {
      [
        latency("\(who) p50") { waits($0).p50Ms }, latency("\(who) p99") { waits($0).p99Ms },
        latency("\(who) p99.9") { waits($0).p999Ms },
      ]
    }
    return rows("winners") { $0.waits.winners } + rows("sold-out") { $0.waits.soldOut }
  }

  var day: [Row] {
    [
      seconds(
        "time to sell-out", "from the opening to the last coupon in somebody's hands", metric: "sell_out_s"),
      seconds(
        "every winner in the database", "from the opening; looked at ten times a second", metric: "durable_s"),
      seconds("everybody answered", "from the opening, retries included", metric: "answered_s"),
    ]
  }

  /// Latencies of good answers, with the share that failed beside them.
  var bystander: [Row] {
    func phase(_ name: String, _ of: (BystanderFigures) -> BystanderFigures.Phase) -> [Row] {
      [
        latency("p99 \(name)", "of good answers") { of($0.bystander).latency.p99Ms },
        row("failed", isPart: true) { of($0.bystander).failedShare.map(Numbers.percent) ?? "–" },
      ]
    }
    return phase("before the crowd") { $0.before } + phase("during") { $0.during }
      + phase("after") { $0.after }
  }

  var usage: [Row] {
    var names: [String] = []
    for name in runs.flatMap({ $0.usage.map(\.name) }) where !names.contains(name) { names.append(name) }
    func parts(_ text: (UsageFigures?) -> String) -> [Row] {
      names.map { name in row(name, isPart: true) { run in text(run.usage.first { $0.name == name }) } }
    }
    func seconds(_ cpu: Double) -> String { Numbers.decimal(cpu, digits: 1) + " s" }
    let total = row("CPU seconds, all servers") { seconds($0.usage.map(\.cpuSeconds).reduce(0, +)) }
    let peak = row("peak memory, all servers", "the sum of each server's own peak") {
      Numbers.bytes($0.usage.compactMap(\.peakMemoryBytes).reduce(0, +))
    }
    return [total] + parts { $0.map { seconds($0.cpuSeconds) } ?? "–" }
      + [peak] + parts { Numbers.bytes($0?.peakMemoryBytes) }
  }

  var generator: [Row] {
    [
      row("late requests", "turned to more than \(Int(GeneratorFigures.lateMs)) ms after they were due") {
        Numbers.percent($0.generator.lateShare) + ($0.generator.isBottleneck ? " BOTTLENECK" : "")
      },
      latency("p99 of its lateness") { $0.generator.latenessP99Ms },
      row("its CPU seconds") {
        $0.generator.cpuSeconds.map { Numbers.decimal($0, digits: 1) + " s" } ?? "–"
      },
    ]
  }
}
