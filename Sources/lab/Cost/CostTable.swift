import Scenarios
import Figures
import EventLoop
import Faults
package import Experiments
import Laboratory
import Operations
import Reports
package import Terminal

/// What it costs to have each architecture, counted.
package struct CostTable {
  package struct Row: Hashable, Sendable {
    package var label: String
    package var monolith: String
    package var eda: String
  }

  package let rows: [Row]
  package let modules: [Row]
  /// What the measured figures leave out.
  package let note: String?

  /// - Parameters:
  ///   - settings: program ─▶ number of settings.
  ///   - result: of an experiment in which both run with their default strategy; nil leaves its rows out.
  ///   - issuing: of one in which nobody is refused, for what a coupon costs alone; nil leaves its row out.
  package init(
    _ code: CodeCount, settings: [String: Int], result: ExperimentResult?, issuing: ExperimentResult? = nil
  ) {
    note = result.map(CostTable.broker)?.note
    let (monolith, eda) = (Set(code.modules(of: "monolith")), Set(code.modules(of: "eda")))
    func lines(_ modules: Set<String>) -> Int { modules.map(code.product).reduce(0, +) }
    // What only the laboratory turns on has no row.
    modules = monolith.union(eda).filter { code.product($0) > 0 }.sorted().map { module in
      func text(_ has: Set<String>) -> String {
        has.contains(module) ? Numbers.count(code.product(module)) : ""
      }
      return Row(label: module, monolith: text(monolith), eda: text(eda))
    }
    func row(_ label: String, _ monolith: Int, _ eda: Int) -> Row {
      Row(label: label, monolith: Numbers.count(monolith), eda: Numbers.count(eda))
    }
    let parts: [[LabPart]] = [[.postgres, .monolith], [.postgres, .redis, .kafka, .edaWorker, .edaAPI]]
    let targets: [[FaultTarget]] = [[.database, .coupons], FaultTarget.allCases]
    // Each server and the code that records coupons in each way that a switch has, each process stopped and killed.
    let faults = zip(parts, targets).map { $1.reduce(0) { $0 + $1.kinds.count } + 2 * $0.count }
    rows =
      [
        row("lines of code, all modules", lines(monolith), lines(eda)),
        row(
          "lines of code that only this one has", lines(monolith.subtracting(eda)),
          lines(eda.subtracting(monolith))),
        row("kinds of processes", parts[0].count, parts[1].count),
        row("of them servers to operate", parts[0].count { !$0.isProgram }, parts[1].count { !$0.isProgram }),
        row("settings of its programs", settings["monolith"] ?? 0, settings["eda"] ?? 0),
        row("ways to fail that lab fault can cause", faults[0], faults[1]),
      ] + (result.map(CostTable.measured) ?? []) + (issuing.map(CostTable.issued) ?? [])
  }

  /// From the runs with the default strategies.
  private static func measured(_ result: ExperimentResult) -> [Row] {
    let names = [("monolith", "for-update"), ("eda", "log")].map { architecture, strategy in
      result.variants.first { $0.architecture == architecture && $0.strategy == strategy }?.name
    }
    return [
      ("peak memory, all servers", "memory_mib"), ("CPU a request, all servers", "cpu_us_per_request"),
      ("CPU of the whole crowd for each coupon, refusals included, all servers", "cpu_us_per_coupon"),
    ].map { label, metric in row(label, metric, of: result, names: names) }
  }

  /// What a coupon costs where everybody gets one.
  private static func issued(_ result: ExperimentResult) -> [Row] {
    let names = ["monolith-1-64", "eda-1-64"].map { name in result.variants.first { $0.name == name }?.name }
    return [
      row("CPU a coupon where nobody is refused, all servers", "cpu_us_per_coupon", of: result, names: names)
    ]
  }

  private static func row(
    _ label: String, _ metric: String, of result: ExperimentResult, names: [String?]
  ) -> Row {
    func spread(_ name: String?) -> String {
      guard let spread = name.flatMap({ result.medians[$0]?[metric] }) else { return "–" }
      let texts = [spread.median, spread.min, spread.max].map { MetricText.value($0, of: metric) }
      return texts[1] == texts[2] ? texts[0] : "\(texts[0]) (\(texts[1])…\(texts[2]))"
    }
    return Row(
      label: "\(label) (\(result.name); eda with \(broker(result).name))", monolith: spread(names[0]),
      eda: spread(names[1]))
  }

  /// What held the log of the event-driven version, and what its figures therefore do not say.
  private static func broker(_ result: ExperimentResult) -> (name: String, note: String?) {
    switch result.versions["broker"] {
    case LabState.Log.Kind.installed.rawValue:
      let version = result.versions["Kafka"].map { " \($0)" } ?? ""
      return ("Kafka\(version)", nil)
    case LabState.Log.Kind.embedded.rawValue:
      return (
        "the embedded broker",
        "eda was measured with the embedded broker: the memory and CPU that a real Kafka takes are not in its figures."
      )
    case LabState.Log.Kind.named.rawValue:
      return (
        "a named Kafka",
        "eda was measured with a Kafka that lab had not started: its memory and CPU are not in the figures."
      )
    case let other: return (other ?? "an unknown broker", "Which broker eda was measured with is not known.")
    }
  }

  package var markdown: String {
    func table(_ rows: [Row]) -> String {
      (["| | monolith | eda |", "|---|---:|---:|"]
        + rows.map { "| \($0.label) | \($0.monolith) | \($0.eda) |" })
        .joined(separator: "\n")
    }
    return """
      # What each architecture costs

      Counted by `lab cost`. A line counts if it holds code. The default strategies and the seams for fault switches are
      counted; left out is what only the laboratory turns on: the other strategies, the embedded broker, the fault switches and
      the crash points. Memory and CPU are medians of the rounds, with the least and the greatest in brackets.\(note.map { " **\($0)**" } ?? "")

      \(table(rows))

      Lines by module; a number in both columns is the same code:

      \(table(modules))

      """
  }

  package var text: TextTable {
    var table = TextTable(head: ["", "monolith", "eda"], rows: rows.map { [$0.label, $0.monolith, $0.eda] })
    if let note { table.rows.append([note]) }
    table.rows.append(["Lines by module"])
    table.rows += modules.map { ["  " + $0.label, $0.monolith, $0.eda] }
    return table
  }
}
