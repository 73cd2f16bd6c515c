import Experiments
import Terminal
import Verify

/// The table of a report, and what must be known before it is believed.
extension FigureTable {
  package init(_ report: Report) {
    let runs = report.runs
    self.init(
      columns: runs.map(\.architecture),
      groups: [
        Group(title: "People", rows: FigureTable.people(runs)),
        Group(title: "Correct?", rows: FigureTable.ledgers(runs, quota: report.settings.quota)),
        Group(title: "How long people waited, retries included", rows: FigureTable.waits(runs)),
        Group(title: "The day", rows: FigureTable.milestones(runs)),
        Group(title: "The rest of the platform (stays and bookings)", rows: FigureTable.bystander(runs)),
        Group(title: "What it cost", rows: FigureTable.usage(runs)),
        Group(title: "The load generator", rows: FigureTable.generator(runs)),
      ])
  }

  private static func row(
    _ label: String, _ runs: [TrialFigures], _ help: String = "", _ value: (TrialFigures) -> String
  ) -> Row { Row(label: label, values: runs.map(value), help: help) }

  private static func people(_ runs: [TrialFigures]) -> [Row] {
    var rows = [
      row("accepted", runs, "people who hold a coupon") { Numbers.count($0.people.accepted) },
      row("sold-out", runs, "people who were told so") { Numbers.count($0.people.soldOut) },
      row("failed", runs, "people who never got an answer that settles it") {
        Numbers.count($0.people.failed)
      },
      row("had to retry", runs, "people who asked again because of a 503, a timeout or a lost connection") {
        Numbers.count($0.people.retried)
      },
    ]
    if runs.contains(where: { $0.people.otherwiseRefused > 0 }) {
      rows.append(row("refused otherwise", runs) { Numbers.count($0.people.otherwiseRefused) })
    }
    return rows
  }

  private static func ledgers(_ runs: [TrialFigures], quota: Int) -> [Row] {
    [
      row("coupons in the database", runs, "quota \(Numbers.count(quota))") {
        Numbers.count($0.ledgers.rows)
      },
      row("oversold", runs, "coupons beyond the quota") { Numbers.count($0.ledgers.oversold) },
      row("duplicates", runs, "coupons beyond the first of a person") {
        Numbers.count($0.ledgers.duplicates)
      },
      row("verified", runs, "the invariants, from the clients' history, the log and the database") { run in
        let broken = run.findings.filter(\.isBroken).map(\.invariant)
        return run.verified ? "yes" : "NO: " + broken.joined(separator: " ")
      },
    ]
  }

  private static func waits(_ runs: [TrialFigures]) -> [Row] {
    func rows(_ who: String, _ latency: (TrialFigures) -> LatencyFigures) -> [Row] {
      [
        row("\(who) p50", runs) { Numbers.duration(milliseconds: latency($0).p50Ms) },
        row("\(who) p99", runs) { Numbers.duration(milliseconds: latency($0).p99Ms) },
        row("\(who) p99.9", runs) { Numbers.duration(milliseconds: latency($0).p999Ms) },
      ]
    }
    return rows("winners") { $0.waits.winners } + rows("sold-out") { $0.waits.soldOut }
  }

  private static func milestones(_ runs: [TrialFigures]) -> [Row] {
    [
      row("time to sell-out", runs, "from the opening to the last coupon in somebody's hands") {
        Numbers.duration(seconds: $0.milestones.soldOutSeconds)
      },
      row("every winner in the database", runs, "from the opening; looked at ten times a second") {
        Numbers.duration(seconds: $0.milestones.durableSeconds)
      },
      row("everybody answered", runs, "from the opening, retries included") {
        Numbers.duration(seconds: $0.milestones.answeredSeconds)
      },
    ]
  }

  /// Latencies of good answers, with the share that failed beside them.
  private static func bystander(_ runs: [TrialFigures]) -> [Row] {
    func phase(_ name: String, _ of: @escaping (BystanderFigures) -> BystanderFigures.Phase) -> [Row] {
      var failed = row("failed", runs) { of($0.bystander).failedShare.map(Numbers.percent) ?? "–" }
      failed.isPart = true
      return [
        row("p99 \(name)", runs, "of good answers") {
          Numbers.duration(milliseconds: of($0.bystander).latency.p99Ms)
        }, failed,
      ]
    }
    return phase("before the crowd") { $0.before } + phase("during") { $0.during }
      + phase("after") { $0.after }
  }

  private static func usage(_ runs: [TrialFigures]) -> [Row] {
    var names: [String] = []
    for name in runs.flatMap({ $0.usage.map(\.name) }) where !names.contains(name) { names.append(name) }
    func parts(_ text: (UsageFigures?) -> String) -> [Row] {
      names.map { name in
        Row(
          label: name, values: runs.map { run in text(run.usage.first { $0.name == name }) }, isPart: true)
      }
    }
    func seconds(_ cpu: Double) -> String { Numbers.decimal(cpu, digits: 1) + " s" }
    let total = row("CPU seconds, all servers", runs) { seconds($0.usage.map(\.cpuSeconds).reduce(0, +)) }
    let peak = row("peak memory, all servers", runs, "the sum of each server's own peak") { run in
      Numbers.bytes(run.usage.compactMap(\.peakMemoryBytes).reduce(0, +))
    }
    return [total] + parts { $0.map { seconds($0.cpuSeconds) } ?? "–" }
      + [peak] + parts { Numbers.bytes($0?.peakMemoryBytes) }
  }

  private static func generator(_ runs: [TrialFigures]) -> [Row] {
    [
      row("late requests", runs, "sent more than \(Int(GeneratorFigures.lateMs)) ms after they were due") {
        run in
        Numbers.percent(run.generator.lateShare) + (run.generator.isBottleneck ? " BOTTLENECK" : "")
      },
      row("p99 of its lateness", runs) { Numbers.duration(milliseconds: $0.generator.latenessP99Ms) },
      row("its CPU seconds", runs) { run in
        run.generator.cpuSeconds.map { Numbers.decimal($0, digits: 1) + " s" } ?? "–"
      },
    ]
  }
}
