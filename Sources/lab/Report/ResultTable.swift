package import Terminal
import Verify

/// The side-by-side table, for the terminal and for the page.
package struct ResultTable: Hashable, Sendable {
  package struct Group: Hashable, Sendable {
    package var title: String
    package var rows: [Row]
  }

  package struct Row: Hashable, Sendable {
    package var label: String
    /// One a run.
    package var values: [String]
    /// What the row means, for the page.
    package var help: String = ""
  }

  package let columns: [String]
  package let groups: [Group]

  package init(_ report: Report) {
    let runs = report.runs
    columns = runs.map(\.architecture)
    groups = [
      Group(title: "People", rows: ResultTable.people(runs)),
      Group(title: "Correct?", rows: ResultTable.ledgers(runs, quota: report.settings.quota)),
      Group(title: "How long people waited, retries included", rows: ResultTable.waits(runs)),
      Group(title: "The day", rows: ResultTable.milestones(runs)),
      Group(title: "The rest of the platform (stays and bookings)", rows: ResultTable.bystander(runs)),
      Group(title: "What it cost", rows: ResultTable.usage(runs)),
      Group(title: "The load generator", rows: ResultTable.generator(runs)),
    ]
  }

  /// For the terminal.
  package var text: TextTable {
    var table = TextTable(head: [""] + columns)
    for group in groups {
      table.rows.append([group.title])
      for row in group.rows { table.rows.append(["  " + row.label] + row.values) }
    }
    return table
  }

  private static func row(
    _ label: String, _ runs: [RunFigures], _ help: String = "", _ value: (RunFigures) -> String
  ) -> Row { Row(label: label, values: runs.map(value), help: help) }

  private static func people(_ runs: [RunFigures]) -> [Row] {
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

  private static func ledgers(_ runs: [RunFigures], quota: Int) -> [Row] {
    [
      row("coupons in the database", runs, "quota \(Numbers.count(quota))") {
        Numbers.count($0.ledgers.rows)
      },
      row("oversold", runs, "coupons beyond the quota") { Numbers.count($0.ledgers.oversold) },
      row("duplicates", runs, "coupons beyond the first of a person") {
        Numbers.count($0.ledgers.duplicates)
      },
      row("verified", runs, "the invariants, from the clients' history, the log and the database") { run in
        let broken = run.findings.filter { $0.verdict != "ok" && $0.verdict != "n/a" }.map(\.invariant)
        return run.verified ? "yes" : "NO: " + broken.joined(separator: " ")
      },
    ]
  }

  private static func waits(_ runs: [RunFigures]) -> [Row] {
    func rows(_ who: String, _ latency: (RunFigures) -> LatencyFigures) -> [Row] {
      [
        row("\(who) p50", runs) { Numbers.duration(milliseconds: latency($0).p50Ms) },
        row("\(who) p99", runs) { Numbers.duration(milliseconds: latency($0).p99Ms) },
        row("\(who) p99.9", runs) { Numbers.duration(milliseconds: latency($0).p999Ms) },
      ]
    }
    return rows("winners") { $0.waits.winners } + rows("sold-out") { $0.waits.soldOut }
  }

  private static func milestones(_ runs: [RunFigures]) -> [Row] {
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

  private static func bystander(_ runs: [RunFigures]) -> [Row] {
    func phase(_ name: String, _ of: (BystanderFigures) -> BystanderFigures.Phase) -> Row {
      row("p99 \(name)", runs) { Numbers.duration(milliseconds: of($0.bystander).latency.p99Ms) }
    }
    return [
      phase("before the crowd") { $0.before }, phase("during") { $0.during }, phase("after") { $0.after },
      row("failed", runs) { run in
        let failed = run.bystander.before.failed + run.bystander.during.failed + run.bystander.after.failed
        return Numbers.count(failed)
      },
    ]
  }

  private static func usage(_ runs: [RunFigures]) -> [Row] {
    var names: [String] = []
    for name in runs.flatMap({ $0.usage.map(\.name) }) where !names.contains(name) { names.append(name) }
    func cpu(_ label: String, _ sum: (RunFigures) -> Double?) -> Row {
      row(label, runs) { sum($0).map { Numbers.decimal($0, digits: 1) + " s" } ?? "–" }
    }
    let total = cpu("CPU seconds, all servers") { $0.usage.map(\.cpuSeconds).reduce(0, +) }
    let cpus = names.map { name in
      cpu("  \(name)") { run in run.usage.first { $0.name == name }?.cpuSeconds }
    }
    let peak = row("peak memory, all servers", runs, "the sum of each server's own peak") { run in
      Numbers.bytes(run.usage.compactMap(\.peakMemoryBytes).reduce(0, +))
    }
    let peaks = names.map { name in
      row("  \(name)", runs) { run in
        Numbers.bytes(run.usage.first { $0.name == name }.flatMap(\.peakMemoryBytes))
      }
    }
    return [total] + cpus + [peak] + peaks
  }

  private static func generator(_ runs: [RunFigures]) -> [Row] {
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

  /// What a reader must know before believing the table; empty where there is nothing.
  package static func warnings(_ report: Report) -> [String] {
    report.runs.filter(\.generator.isBottleneck).map { run in
      """
      \(run.architecture): the load generator was late with \(Numbers.percent(run.generator.lateShare)) of its \
      requests (more than \(Numbers.percent(GeneratorFigures.toleratedShare)) is too much), so its latencies are \
      partly its own. Lower the rate.
      """
    }
      + report.runs.filter { !$0.verified }.map {
        "\($0.architecture): the run is not verified; its figures describe something that went wrong."
      }
  }
}
