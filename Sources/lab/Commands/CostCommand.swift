import EventLoop
import Experiments
import Foundation
import Laboratory
import Terminal

extension LabCommand {
  static let cost = LabCommand(
    "cost", "what each architecture costs to have: code, processes, settings, ways to fail, memory, CPU",
    usage: "[--from experiments/NAME] [--to FILE]",
    options: [
      ("--from experiments/NAME", "the result to take memory and CPU from; experiments/08-bystander"),
      ("--to FILE", "also as Markdown, for example docs/cost.md"),
    ]
  ) { arguments, _ in
    let from = try arguments.option("--from")
    let target = try arguments.option("--to")
    try arguments.finish()
    let path = (from ?? "experiments/08-bystander") + "/result.json"
    let isThere = FileManager.default.fileExists(atPath: path)
    let result = from != nil || isThere ? try ExperimentResult.read(path) : nil
    let table = CostTable(
      try await CodeCount.read("."),
      settings: [
        "monolith": SettingsPage.keys(of: "monolith").count, "eda": SettingsPage.keys(of: "eda").count,
      ], result: result, issuing: try? ExperimentResult.read("experiments/03-hot-row/result.json"))
    for line in table.text.lines { Terminal.line(line) }
    if let target {
      try WholeFile.write(table.markdown, to: target)
      Terminal.line(target)
    }
    return 0
  }
}
