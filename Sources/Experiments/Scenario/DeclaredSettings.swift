import EventLoop
import History
import Laboratory
import PrivateServers
package import Terminal

/// The settings that a program's `--help` declares: what they may be, and what they are where nobody says it.
package struct DeclaredSettings: Hashable, Sendable {
  /// Key ─▶ what stands before the semicolon: `1…512 connections`, `for-update|unlocked`, `text`.
  package let types: [String: String]
  /// Key ─▶ what stands after it, without secrets.
  let standards: [String: String]

  /// A line of the help: `  HTTP_PORT  --http-port  (0…65535; 8081)`.
  package init(help: String) {
    var (types, standards): ([String: String], [String: String]) = ([:], [:])
    for line in help.split(separator: "\n") where line.hasPrefix("  ") {
      let words = line.split(separator: " ", maxSplits: 2)
      guard words.count == 3, words[1].hasPrefix("--"), let open = words[2].firstIndex(of: "("),
        case let inside = words[2][words[2].index(after: open)...], let end = inside.lastIndex(of: ";"),
        case let key = String(words[0])
      else { continue }
      types[key] = String(inside[..<end])
      guard !inside.hasPrefix("secret"), !["_URL", "_TOKEN", "_KEY"].contains(where: key.hasSuffix) else {
        continue
      }
      standards[key] =
        inside[inside.index(after: end)...].prefix { $0 != ")" }.trimmingPrefix(" ").description
    }
    (self.types, self.standards) = (types, standards)
  }

  /// What a program works with: what it was given, else the default; without secrets and what may hold one.
  func effective(_ environment: [String: String]) -> [String: String] {
    standards.reduce(into: [:]) { settings, standard in
      let given = environment[standard.key] ?? ""
      settings[standard.key] = given.isEmpty ? standard.value : given
    }
  }

  /// Of all the ways to run an architecture's programs, by their own word.
  @LoopActor
  static func read(of architecture: Architecture, in programs: String?) async throws
    -> [DeclaredSettings]
  {
    var all: [DeclaredSettings] = []
    for part in architecture == .monolith ? [LabPart.monolith] : [.edaAPI, .edaWorker] {
      all.append(try await read(of: part, in: programs))
    }
    return all
  }

  @LoopActor
  static func read(of part: LabPart, in programs: String?) async throws -> DeclaredSettings {
    let command = ProgramCommand(part)
    let options = ChildProcess.Options(
      "\(programs ?? ProgramCommand.folder)/\(command.executable)", command.arguments + ["--help"],
      output: .capture(limit: 1 << 16))
    guard let (status, output) = try? await ChildProcess.run(options), status.isSuccess else {
      throw LabFailure("\(command.executable) --help does not answer; build it with `make`")
    }
    return DeclaredSettings(help: String(decoding: output, as: UTF8.self))
  }

  /// What is wrong with a setting; nil where nothing is, or where a program has no such setting.
  package func problem(_ key: String, _ value: String) -> String? {
    guard let type = types[key] else { return nil }
    if type.contains("|") {
      let names = (type == "on|off" ? "on|off|true|false|1|0" : type).split(separator: "|").map(String.init)
      return names.contains(value) ? nil : "must be one of \(names.joined(separator: ", ")), not “\(value)”"
    }
    let bounds = type.prefix { $0 != " " }.split(separator: "…").compactMap { Int($0) }
    guard bounds.count == 2, bounds[0] <= bounds[1] else { return nil }
    if let number = Int(value), (bounds[0]...bounds[1]).contains(number) { return nil }
    return "must be a number in \(type), not “\(value)”"
  }
}

extension Scenario.Variant {
  /// What all its programs are told, the strategy among it.
  package var programSettings: [String: String] {
    settings.merging(strategy.map { ["COUPON_STRATEGY": $0] } ?? [:]) { $1 }
  }

  /// - Throws: `UsageError` for a setting that no program of the architecture has, or that it would refuse.
  package func checkSettings(_ declared: [DeclaredSettings]) throws(UsageError) {
    for (key, value) in programSettings.sorted(by: { $0.key < $1.key }) {
      let isKnown = declared.contains { $0.types[key] != nil }
      let problem = isKnown ? declared.lazy.compactMap { $0.problem(key, value) }.first : unknownSetting
      guard let problem else { continue }
      throw places[key]?.problem(problem) ?? UsageError("\(name): \(key) \(problem)")
    }
  }

  private var unknownSetting: String {
    let program = architecture == .eda ? "eda api" : "monolith"
    return "is no setting of the \(architecture.rawValue); \(program) --help lists them"
  }
}
