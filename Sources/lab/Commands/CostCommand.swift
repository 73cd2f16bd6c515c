import EventLoop
import Experiments
import Foundation
import Laboratory
import Terminal

extension LabCommand {
  static let cost = LabCommand(
    "cost", "what it costs to have each architecture: code, processes, settings, ways to fail, memory, CPU",
    usage: "[--from experiments/NAME] [--to FILE]",
    options: [
      ("--from experiments/NAME", "whose result tells memory and CPU; experiments/08-bystander"),
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
      try CodeCount(folder: "."),
      settings: [
        "monolith": try await SettingsCount.of("monolith", [[]]),
        "eda": try await SettingsCount.of("eda", [["api"], ["worker"]]),
      ], result: result)
    for line in table.text.lines { Terminal.line(line) }
    if let target {
      try Data(table.markdown.utf8).write(to: URL(fileURLWithPath: target), options: .atomic)
      Terminal.line(target)
    }
    return 0
  }
}

/// Settings by a program's own word.
@LoopActor
enum SettingsCount {
  /// The different ones of all of a program's ways to run.
  static func of(_ program: String, _ ways: [[String]]) async throws -> Int {
    var keys: Set<Substring> = []
    for way in ways {
      let options = ChildProcess.Options(
        "\(ProgramCommand.folder)/\(program)", way + ["--help"], output: .capture(limit: 1 << 16))
      guard let (status, output) = try? await ChildProcess.run(options), status.isSuccess else {
        throw LabFailure("\(program) --help does not answer; build it with `make`")
      }
      // `  HTTP_PORT  --http-port  (0…65535; 8081)`
      for line in String(decoding: output, as: UTF8.self).split(separator: "\n") where line.hasPrefix("  ") {
        let words = line.split(separator: " ")
        if words.count > 1, words[1].hasPrefix("--"), let key = words.first { keys.insert(key) }
      }
    }
    return keys.count
  }
}
