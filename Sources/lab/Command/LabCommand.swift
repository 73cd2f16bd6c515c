import EventLoop
package import Laboratory
import Terminal

/// One subcommand of `lab`.
package struct LabCommand: Sendable {
  package let name: String
  /// One line for the list of commands.
  package let summary: String
  /// What follows `lab NAME` in the usage, and a line for each option.
  package let usage: String
  package let options: [(name: String, meaning: String)]
  /// Reads its arguments (all of them, ending with `finish()`) and runs; returns the exit code.
  package let run: @Sendable @LoopActor (inout CommandArguments, LabFolder) async throws -> Int32

  package init(
    _ name: String, _ summary: String, usage: String = "", options: [(name: String, meaning: String)] = [],
    run: @escaping @Sendable @LoopActor (inout CommandArguments, LabFolder) async throws -> Int32
  ) {
    (self.name, self.summary, self.usage, self.options, self.run) = (name, summary, usage, options, run)
  }

  package var help: String {
    var lines = [
      "lab \(name): \(summary)", "", "usage: lab [--lab FOLDER] \(name)\(usage.isEmpty ? "" : " " + usage)",
    ]
    if !options.isEmpty { lines += [""] + LabCommand.columns(options) }
    return lines.joined(separator: "\n")
  }

  /// Names and what each of them means, in two columns.
  static func columns(_ rows: [(name: String, meaning: String)]) -> [String] {
    let width = rows.map(\.name.count).max() ?? 0
    return rows.map { "  \($0.name.padded(to: width))  \($0.meaning)" }
  }

  /// Every command, in the order in which `lab --help` lists them.
  package static let all: [LabCommand] = [
    up, down, status, logs, policy, reset, load, run, fault, nemesis, soak, verify, report, rebuild, demo,
    cost,
    settings, simulate, bench,
  ]

  /// Started by `lab` itself; not listed in the help.
  static let hidden: [LabCommand] = [benchConstant, keep]
}
