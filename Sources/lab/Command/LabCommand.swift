import EventLoop
package import Laboratory

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
    let width = options.map(\.name.count).max() ?? 0
    if !options.isEmpty { lines.append("") }
    for option in options {
      lines.append(
        "  \(option.name)\(String(repeating: " ", count: width - option.name.count))  \(option.meaning)")
    }
    return lines.joined(separator: "\n")
  }

  /// Every command, in the order in which `lab --help` lists them.
  package static let all: [LabCommand] = [
    up, down, status, logs, policy, reset, load, run, fault, verify, report, rebuild, demo, cost, settings,
    bench,
  ]

  /// What `lab` starts of itself; nobody has to know of it.
  static let hidden: [LabCommand] = [benchConstant]
}
