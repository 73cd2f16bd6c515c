package import EventLoop
import Foundation
import Laboratory

/// The machine on which a report was made.
@LoopActor
package enum MachineFacts {
  package static func read() async -> Machine {
    let info = ProcessInfo.processInfo
    let swift = await firstLine("swift", ["--version"]) ?? "unknown"
    return Machine(
      processor: await processor(), cores: info.activeProcessorCount,
      memoryBytes: Int(clamping: info.physicalMemory),
      system: await system(), swift: swift)
  }

  /// The commit that `lab` was built from, as far as its folder tells; `+` where sources or scenarios differ from it.
  package static func commit() async -> String {
    let folder = ProgramCommand.folder
    guard let commit = await firstLine("git", ["-C", folder, "rev-parse", "--short=12", "HEAD"]) else {
      return "unknown"
    }
    let changes = await firstLine(
      "git", ["-C", folder, "status", "--porcelain", "--"] + MachineFacts.whatFiguresHangOn)
    return commit + (changes == nil ? "" : "+")
  }

  /// Only these paths affect figures; a result that is not committed does not.
  private static let whatFiguresHangOn = [
    ":/Package.swift", ":/Sources", ":(top,glob)experiments/**/scenario.yaml",
  ]

  private static func processor() async -> String {
    if let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("model name") }),
      let name = line.split(separator: ":", maxSplits: 1).last
    {
      return name.trimmingCharacters(in: .whitespaces)
    }
    return await firstLine("sysctl", ["-n", "machdep.cpu.brand_string"]) ?? "unknown"
  }

  private static func system() async -> String {
    // The kernel's version without what its builder has added to it.
    let names = (await firstLine("uname", ["-srm"]) ?? "unknown").split(separator: " ")
    let kernel = names.map { $0.prefix { $0 != "-" } }.joined(separator: " ")
    guard let text = try? String(contentsOfFile: "/etc/os-release", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("PRETTY_NAME=") })
    else { return "\(ProcessInfo.processInfo.operatingSystemVersionString), \(kernel)" }
    return "\(line.dropFirst("PRETTY_NAME=".count).filter { $0 != "\"" }), \(kernel)"
  }

  /// The first line that a tool prints; nil where it cannot be run, fails or prints nothing.
  private static func firstLine(_ tool: String, _ arguments: [String]) async -> String? {
    let options = ChildProcess.Options(
      tool, arguments, environment: ProcessInfo.processInfo.environment, output: .capture(limit: 4_096))
    guard let (status, output) = try? await ChildProcess.run(options), status.isSuccess else { return nil }
    return String(decoding: output, as: UTF8.self).split(whereSeparator: \.isNewline).first.map(String.init)
  }
}
