import TestSupport
import EventLoop
import Experiments
import Foundation
import PrivateServers
import Testing
import lab
import History

private let scriptRunner = ProcessInfo.processInfo.environment["TEST_NGRINDER"].flatMap {
  $0.isEmpty ? nil : $0
}

/// The scripts of `ngrinder/`, run by something that runs nGrinder's scripts (TEST_NGRINDER names it), and checked by
/// `lab verify` from what they have written down themselves.
@Suite(.serialized, .enabled(if: scriptRunner != nil, "TEST_NGRINDER names no runner of scripts"))
struct NGrinderScriptTests {
  private static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../ngrinder").standardizedFileURL.path

  private struct Run {
    let code: Int32
    let text: String
    let folder: String

    /// How often a test was run well, and how often it failed, by its name.
    var tests: [String: (good: Int, errors: Int)] {
      var tests: [String: (Int, Int)] = [:]
      for line in text.split(separator: "\n") {
        let fields = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
        guard fields.count > 5, Int(fields[0]) != nil, let good = Int(fields[1]), let errors = Int(fields[2])
        else { continue }
        tests[fields[5...].joined(separator: " ")] = (good, errors)
      }
      return tests
    }

    var histories: [String] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      return names.filter { $0.hasPrefix("history-") }.sorted().map { "\(folder)/\($0)" }
    }
  }

  @LoopActor
  private func run(_ script: String, _ parameter: String, _ options: [String]) async throws -> Run {
    let folder = try TestServers.folder() + "/logs"
    let logs = options.contains("--validate") ? [] : ["--logs", folder]
    var environment = ProcessInfo.processInfo.environment
    environment["NGRINDER_PARAM"] = parameter
    let child = try ChildProcess.start(
      .init(
        try #require(scriptRunner), options + logs + ["\(NGrinderScriptTests.scripts)/\(script).groovy"],
        environment: environment, output: .capture(limit: 1 << 20)))
    try TestServers.adopt(child)
    guard case .code(let code) = await child.exit() else { return Run(code: -1, text: "", folder: folder) }
    return Run(code: code, text: String(decoding: child.captured, as: UTF8.self), folder: folder)
  }

  /// A laboratory of both, and the port and operator's port of one.
  private struct Place {
    let lab: LabProcess
    let architecture: Architecture
    let port: Int
    let operatorPort: Int
    let token: String

    @LoopActor
    static func make(_ architecture: Architecture) async throws -> Place {
      let lab = try LabProcess()
      let (port, operatorPort) = (try Sockets.freePort(), try Sockets.freePort())
      let name = architecture == .monolith ? "monolith" : "eda"
      let more = architecture == .eda ? ",\(try Sockets.freePort())" : ""
      _ = try await lab.upSaying(
        "--only", name, "--\(name)-port", "\(port)", "--operator-ports", "\(operatorPort)\(more)")
      let token = try String(contentsOfFile: lab.folder + "/operator-token", encoding: .utf8)
      return Place(
        lab: lab, architecture: architecture, port: port, operatorPort: operatorPort,
        token: token.trimmingCharacters(in: .newlines))
    }

    @LoopActor
    func newPolicy(_ id: Int, quota: Int) async throws -> String {
      #expect(try await lab.run("policy", "create", "--id", "\(id)", "--quota", "\(quota)").code == 0)
      return "target=127.0.0.1:\(port),policy=\(id)"
    }

    /// From what the scripts have written, and from what rows, log and Redis show alone.
    @LoopActor
    func verify(_ policy: Int, _ run: Run) async throws {
      #expect(!run.histories.isEmpty)
      for history in [["--history"] + run.histories, ["--no-history"]] {
        let (code, text) = try await lab.run(
          arguments: ["verify", "--only", architecture.rawValue, "--policy", "\(policy)"] + history)
        #expect(code == 0, "\(text)")
        #expect(text.contains("verified as far as it was checked"))
      }
    }
  }

  private static let crowd = ["--processes", "2", "--threads", "3", "--seconds", "6"]

  @Test(.timeLimit(.minutes(6)), arguments: Architecture.allCases)
  func theSurgeSellsTheQuotaToDifferentPeople(architecture: Architecture) async throws {
    try await onLoop {
      let place = try await Place.make(architecture)
      let parameter = try await place.newPolicy(1, quota: 150)
      let validated = try await run("coupon-surge", parameter, ["--validate"])
      #expect(validated.code == 0, "\(validated.text)")
      // The person of the validation has the first coupon.
      let surge = try await run(
        "coupon-surge", try await place.newPolicy(2, quota: 150) + ",again=20,history=yes", Self.crowd)
      #expect(surge.code == 0, "\(surge.text)")
      #expect(surge.tests["winner 201"]?.good == 150, "\(surge.text)")
      #expect(surge.tests["retry 200"]?.good ?? 0 > 0)
      #expect(surge.tests["sold out 409"]?.good ?? 0 > 0)
      #expect(surge.tests.values.allSatisfy { $0.errors == 0 })
      try await place.verify(2, surge)

      let mixed = try await run(
        "mixed", try await place.newPolicy(3, quota: 50) + ",surge=50,history=yes", Self.crowd)
      #expect(mixed.code == 0, "\(mixed.text)")
      #expect(mixed.tests["winner 201"]?.good == 50)
      try await place.verify(3, mixed)
      let platform = try await run("platform", "target=127.0.0.1:\(place.port)", Self.crowd)
      #expect(platform.code == 0, "\(platform.text)")
      for script in ["mixed", "platform"] {
        let parameter = "target=127.0.0.1:\(place.port)" + (script == "mixed" ? ",policy=3,surge=50" : "")
        let validated = try await run(script, parameter, ["--validate"])
        #expect(validated.code == 0, "\(validated.text)")
      }
      #expect(try await place.lab.run("reset").code == 0)
    }
  }

  /// The witness of the whole laboratory: errors where the database decides, none where the log does.
  @Test(.timeLimit(.minutes(6)), arguments: Architecture.allCases)
  func theOutageIsFeltByTheMonolithAlone(architecture: Architecture) async throws {
    try await onLoop {
      let place = try await Place.make(architecture)
      let switches = ",operator=\(place.operatorPort),token=\(place.token)"
      let outage = try await run(
        "outage", try await place.newPolicy(1, quota: 15_000) + switches + ",from=2,for=3,history=yes",
        ["--processes", "2", "--threads", "3", "--seconds", "9"])
      #expect(outage.tests["outage on"]?.good == 1 && outage.tests["outage off"]?.good == 1, "\(outage.text)")
      let errors = outage.tests.values.map(\.errors).reduce(0, +)
      #expect((errors > 0) == (architecture == .monolith), "\(outage.text)")
      #expect((outage.code == 0) == (architecture == .eda))
      try await place.verify(1, outage)
      let validated = try await run(
        "outage", try await place.newPolicy(2, quota: 5) + switches + ",from=1,for=1", ["--validate"])
      #expect(validated.code == 0, "\(validated.text)")
      #expect(try await place.lab.run("reset").code == 0)
    }
  }

  /// One line that names it, and no call.
  @Test(.timeLimit(.minutes(6))) func aWrongParameterEndsTheTestAtOnce() async throws {
    try await onLoop {
      let place = try await Place.make(.monolith)
      let good = try await place.newPolicy(1, quota: 5)
      let wrong = [
        ("coupon-surge", "policy=1", "target is missing"), ("coupon-surge", good + ",colour=red", "'colour'"),
        ("coupon-surge", "target=127.0.0.1:\(place.port),policy=77", "policy=77 does not exist"),
        ("coupon-surge", "target=127.0.0.1:1,policy=1", "does not answer"),
        ("mixed", good, "surge is missing"),
        ("platform", "target=nowhere", "target=nowhere is not HOST|PORT"),
        ("outage", good + ",operator=\(place.operatorPort),from=1,for=1", "token is missing"),
        (
          "outage", good + ",operator=\(place.operatorPort),token=not-the-token-of-this,from=1,for=1", "token"
        ),
      ]
      for (script, parameter, problem) in wrong {
        let ended = try await run(script, parameter, ["--threads", "3", "--seconds", "30"])
        #expect(ended.code == 1, "\(script) \(parameter)")
        #expect(ended.text.contains(problem), "\(ended.text)")
        #expect(ended.tests.isEmpty, "\(ended.text)")
        #expect(!ended.text.contains("not-the-token-of-this"))
      }
      #expect(try await place.lab.run("reset").code == 0)
    }
  }
}

/// What stands in several scripts because nGrinder takes one file a test.
@Suite struct NGrinderFileTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../ngrinder").standardizedFileURL

  /// What lies between `==== shared: NAME` and `==== end of shared: NAME`, by name.
  private func shared(_ file: String) throws -> [String: String] {
    let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
    var blocks: [String: String] = [:]
    var open: (name: String, lines: [Substring])?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let words = line.split { " =".contains($0) }
      if line.contains("==== end of shared: ") {
        let block = try #require(open)
        blocks[block.name] = block.lines.joined(separator: "\n")
        open = nil
      } else if line.contains("==== shared: ") {
        open = (words.dropFirst(2).joined(separator: " "), [])
      } else {
        open?.lines.append(line)
      }
    }
    #expect(open == nil)
    return blocks
  }

  @Test func theSharedTextIsTheSameInEveryScript() throws {
    let scripts = ["coupon-surge", "outage", "mixed", "platform"].map { $0 + ".groovy" }
    var known: [String: (file: String, text: String)] = [:]
    var count = 0
    for script in scripts {
      for (name, text) in try shared(script) {
        count += 1
        if let first = known[name] {
          #expect(text == first.text, "“\(name)” differs in \(script) and \(first.file)")
        } else {
          known[name] = (script, text)
        }
      }
    }
    #expect(known.count >= 2 && count > known.count + 3)
  }

  /// Both languages name every key of the parameter.
  @Test(arguments: ["README.md", "README.ko.md"]) func theKeysAreDocumented(file: String) throws {
    let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
    for key in ["target", "policy", "again", "history", "operator", "token", "from", "for", "surge"] {
      #expect(text.contains("`\(key)`"), "\(key)")
    }
    for script in ["coupon-surge", "outage", "mixed", "platform"] {
      #expect(text.contains("\(script).groovy"))
    }
    // A key that is still to be described is not documented.
    #expect(!text.contains("TODO"))
  }
}
