import Figures
import CouponDomain
import EventLoop
import Experiments
import Foundation
import History
import Laboratory
import Load
import PrivateServers
import Terminal
import Verify

extension LabCommand {
  static let load = LabCommand(
    "load", "send a flash crowd, and a bystander beside it",
    usage: "[--only monolith|eda] [--policy ID] [OPTIONS]",
    options: [
      ("--only monolith|eda", "where to; needed where both run"),
      ("--policy ID", "a policy that is there and open; else a new one is created"),
    ] + LoadOptions.help()
  ) { arguments, folder in
    let only = try arguments.architecture()
    let policy = try arguments.number("--policy", in: 1...Int(Int32.max)).flatMap { PolicyID($0) }
    let options = try LoadOptions(&arguments)
    try arguments.finish()
    guard let state = try LabState.read(folder) else {
      throw LabFailure("no program is running that takes requests; start one with lab up")
    }
    let interrupt = Interrupt.shared
    let session = try LoadSession(options, try runningArchitecture(state, only), state)
    Terminal.line(options.summary)
    let plan = if let policy { session.plan(existing: policy) } else { try await session.plan() }
    let history = try await session.run(plan, interrupt: interrupt)
    let file = folder.history(of: history.run)
    try FileManager.default.createDirectory(atPath: folder.histories, withIntermediateDirectories: true)
    try HistoryFile.write(history, to: file)
    for line in LoadSummary(history, quota: options.quota).lines { Terminal.line(line) }
    Terminal.line("history: \(file); lab verify checks it")
    try session.checkServed(history, folder)
    return 0
  }
}

/// The one that is meant: said, or the only one that runs.
func runningArchitecture(_ state: LabState, _ only: Architecture?) throws -> Architecture {
  if let only { return only }
  let running = Architecture.allCases.filter { architecture in
    state.running.contains { $0.part == architecture.api }
  }
  guard let first = running.first else {
    throw LabFailure("no program is running that takes requests; start one with lab up")
  }
  guard running.count == 1 else { throw UsageError("both are running: choose --only monolith or --only eda") }
  return first
}

/// What one load says for itself, before anything is verified.
struct LoadSummary {
  let lines: [String]

  init(_ history: History, quota: Int) {
    let figures = HistoryFigures(history, quota: quota)
    let (people, requests) = (figures.people, figures.requests)
    let generator = GeneratorFigures(figures.generator, cpuSeconds: nil)
    var table = TextTable(head: ["", "", "p50", "p99", "p99.9", "max"])
    func row(_ name: String, _ latency: LatencyFigures) {
      let cells = [latency.p50Ms, latency.p99Ms, latency.p999Ms, latency.maxMs]
      table.rows.append(
        [name, Numbers.count(latency.count)] + cells.map { Numbers.duration(milliseconds: $0) })
    }
    table.rows.append(["People, from their first request"])
    row("  winners", figures.waits.winners)
    row("  sold-out", figures.waits.soldOut)
    table.rows.append(["Requests: latency of good answers, from the time each was due"])
    row("  winners", requests.winners)
    row("  sold-out", requests.soldOut)
    row("  retried", requests.retried)
    table.rows.append(["  failed", Numbers.count(requests.failed), "", "", "", ""])
    table.rows.append(["Bystander"])
    let bystander = figures.bystander
    for (name, phase) in [
      ("before", bystander.before), ("during", bystander.during), ("after", bystander.after),
    ] {
      row("  " + name, phase.latency)
      if phase.failed > 0 { table.rows.append(["    failed", Numbers.count(phase.failed), "", "", "", ""]) }
    }
    let outcomes = requests.byOutcome.sorted { $0.key < $1.key }.map {
      "\($0.key) \(Numbers.count($0.value))"
    }
    lines =
      table.lines + [
        "",
        """
        people: \(Numbers.count(people.accepted)) accepted, \(Numbers.count(people.soldOut)) sold-out, \
        \(Numbers.count(people.otherwiseRefused)) refused otherwise, \(Numbers.count(people.failed)) failed; \
        \(Numbers.count(people.retried)) had to retry
        """,
        "requests: " + outcomes.joined(separator: ", "),
        "generator: \(generator.shortcomings)\(generator.isBottleneck ? ": IT IS THE BOTTLENECK, lower the rate" : "")",
      ]
      + (generator.crowded.map {
        ["connections: all were in use (--connections), and \(Numbers.count($0)) requests waited for one"]
      } ?? [])
  }
}
