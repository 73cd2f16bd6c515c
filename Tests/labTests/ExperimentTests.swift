import Scenarios
import EventLoop
import Experiments
import Foundation
import PrivateServers
import Reports
import TestSupport
import Testing
import lab

/// `lab run` as a person runs it, small.
@Suite(.serialized, .limited) struct ExperimentTests {
  private static let tiny = """
    name: tiny
    question: Does a stopped database stop the coupons?
    rounds: 1
    policy: {quota: 90, perPerson: once}
    crowd: {people: 120, rate: 40, bystander: 20, probes: 10, before: 0.5, after: 0.5, shape: steady}
    variants:
      - {name: monolith, architecture: monolith, settings: {REQUEST_DEADLINE_MS: 900}}
    faults:
      - {at: 0.8, name: database stopped, stop: {part: database, for: 2}}
    expect:
      - monolith.coupons.failed > 0.3 during fault
      - monolith.coupons.failed < 0.5 before fault
      - monolith.lost == 0
      - monolith.bites > 0
    """

  private func write(_ scenario: String, _ lab: LabProcess) throws -> String {
    let folder = URL(fileURLWithPath: lab.folder).deletingLastPathComponent().path + "/tiny"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(scenario.utf8).write(to: URL(fileURLWithPath: folder + "/scenario.yaml"))
    return folder
  }

  @Test func anExperimentIsRunJudgedAndWritten() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let folder = try write(ExperimentTests.tiny, lab)
      let run = try await lab.run(arguments: ["run", "--rounds", "1", "--seed", "5", folder])
      #expect(run.code == 0, "\(run.text)")
      #expect(run.text.contains("seed 5") && run.text.contains("Everything holds."))
      let result = try ExperimentResult.read(folder + "/result.json")
      #expect(result.passed && result.seed == "5")
      #expect(result.judgements.map(\.verdict) == [.holds, .holds, .holds, .holds])
      let metrics = try #require(result.runs.first?.metrics)
      #expect(metrics["coupons.count"] == 120 || (metrics["coupons.count"] ?? 0) > 120)
      #expect(metrics["rows"] == 90)
      #expect(metrics["missing"] == 0)
      #expect((metrics["mine.count@during"] ?? 0) > 0 && (metrics["soldout.count@during"] ?? 0) > 0)
      let page = try String(contentsOfFile: folder + "/RESULT.md", encoding: .utf8)
      #expect(page.contains("Everything that was expected holds."))
      #expect(page.contains("`lab run --rounds 1 --seed 5 experiments/tiny`"))
      for chart in ["coupons.svg", "bystander.svg", "figures.svg"] {
        let svg = try String(contentsOfFile: "\(folder)/\(chart)", encoding: .utf8)
        #expect(svg.hasPrefix("<svg xmlns=") && !svg.contains("var("))
      }
      // Nothing is left running, and no laboratory.
      #expect(try FileManager.default.contentsOfDirectory(atPath: lab.folder + "/run").isEmpty)
      let matrix = try await lab.run("report", "--matrix", "--to", folder, folder)
      // There was no event-driven version, and its cells are not passed over.
      #expect(matrix.code == 1, "\(matrix.text)")
      #expect(matrix.text.contains("! not measured: database stopped, eda: book a stay"))
      #expect(!matrix.text.contains("database stopped, monolith"))
      let table = try String(contentsOfFile: folder + "/matrix.md", encoding: .utf8)
      #expect(table.contains("| database stopped |"))
    }
  }

  @Test func whatDoesNotHoldIsAFailureAndAQuickRunTouchesNothing() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let scenario = ExperimentTests.tiny.replacing("coupons.failed > 0.3 during fault", with: "rows == 91")
        .replacing("monolith.bites > 0", with: "monolith.durable_after_heal_s > 1000")
        .replacing("people: 120", with: "people: 100").replacing("after: 0.5", with: "after: 0.2")
      let folder = try write(scenario, lab)
      let run = try await lab.run("run", "--quick", "--rounds", "1", folder)
      #expect(run.code == 1, "\(run.text)")
      #expect(run.text.contains("✗ monolith.rows == 91") && run.text.contains("FAILED: tiny"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["scenario.yaml"])
      #expect(FileManager.default.fileExists(atPath: lab.folder + "/run/tiny/result.json"))
    }
  }

  @Test func ctrlCLeavesNothing() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let folder = try write(ExperimentTests.tiny.replacing("before: 0.5", with: "before: 60"), lab)
      let run = try lab.start("run", folder)
      let state = lab.folder + "/run/run-tiny-monolith/lab.json"
      var parts: [LabFile.Part] = []
      let deadline = Instant.now + .seconds(60)
      while parts.count < 2 || parts.contains(where: { $0.port == 0 }), Instant.now < deadline, run.isRunning
      {
        parts =
          FileManager.default.contents(atPath: state)
          .flatMap { try? JSONDecoder().decode(LabFile.self, from: $0) }?.parts ?? []
        await EventLoop.shared.sleep(for: .milliseconds(50))
      }
      #expect(parts.count == 2)
      run.signal(SIGINT)
      #expect(await run.exit() == .code(130))
      #expect(!parts.contains { $0.process.isRunning })
    }
  }

  @Test func mistakesEndBeforeAnythingStarts() async throws {
    try await onLoop {
      let lab = try LabProcess()
      for (part, wrong, code, text) in [
        ("quota: 90", "quota: none", 2, "scenario.yaml:4: policy.quota: must be a whole number"),
        ("monolith.bites > 0", "monolith.joy > 0", 2, "expect[3]: “joy” is no metric"),
        (
          "part: database", "part: worker", 2,
          "“database stopped”: no variant has such a part"
        ),
        ("architecture: monolith", "architecture: eda, kafka: named", 1, "needs a Kafka named"),
        (
          "REQUEST_DEADLINE_MS", "REQUEST_DEADLIN_MS", 2,
          "variants[0].settings.REQUEST_DEADLIN_MS: is not a setting of the monolith"
        ),
        ("architecture: monolith", "architecture: monolith, strategy: luck", 2, "strategy: must be one of"),
        ("architecture: monolith", "architecture: eda, redis: often", 2, "variants[0].redis: must be one of"),
      ] as [(String, String, Int32, String)] {
        let scenario = ExperimentTests.tiny.replacing(part, with: wrong)
        try #require(scenario != ExperimentTests.tiny, "no \(part)")
        let run = try await lab.run("run", try write(scenario, lab))
        #expect(run.code == code, "\(run.text)")
        #expect(run.text.contains(text), "\(run.text)")
        #expect(run.text.split(separator: "\n").count == 1)
      }
      #expect(try await lab.run("run", "nowhere").code == 2)
      #expect(try await lab.run("run").code == 2)
      #expect(try await lab.run("run", "--all", "x").code == 2)
      #expect(!FileManager.default.fileExists(atPath: lab.folder + "/run"))
    }
  }
}

@Suite(.limited) struct CostTests {
  @Test func linesThatHoldCodeAreCounted() {
    #expect(CodeCount.count("// a\n\nlet a = 1 // b\n  /// c\n\t}\n") == 2)
  }

  @Test func aProgramsModulesAreReadFromTheManifest() throws {
    let manifest = try CodeCount.Manifest(
      Array(
        #"{"targets": [{"name": "p", "type": "executable", "dependencies": [{"byName": ["B", null]}]}]}"#.utf8
      ))
    #expect(manifest.targets.map(\.modules) == [["B"]])
  }

  private var checkout: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL
      .path
  }

  /// What a program does without being told otherwise is its cost; other strategies are the laboratory's.
  @Test func theDefaultsAreCountedAndOtherStrategiesAreNot() async throws {
    let code = try await onLoop { [checkout] in try await CodeCount.read(checkout) }
    func lines(_ path: String) throws -> Int {
      CodeCount.count(try String(contentsOfFile: "\(checkout)/Sources/\(path)", encoding: .utf8))
    }
    let others = try CodeCount.laboratoryFiles.filter { $0.hasPrefix("CouponMonolith/") }.map(lines).reduce(
      0, +)
    #expect(others > 0 && code.laboratory["CouponMonolith"] == others)
    #expect(code.product("CouponMonolith") > (try lines("CouponMonolith/Strategies/ForUpdate.swift")))
    // A file that was renamed would be counted again.
    for file in CodeCount.laboratoryFiles { #expect(try lines(file) > 0) }
    #expect(!CodeCount.laboratoryFiles.contains("CouponEDA/Strategies/CouponStrategy.swift"))
  }

  @Test(arguments: [
    (["broker": "embedded"], "eda with the embedded broker", "**eda was measured with the embedded broker"),
    (["broker": "installed", "Kafka": "4.0.0"], "eda with Kafka 4.0.0", nil),
    (["broker": "named"], "eda with a named Kafka", "a Kafka that lab had not started"),
    ([:], "unknown", "not known"),
  ])
  func whatWasMeasuredSaysWithWhichBroker(versions: [String: String], label: String, note: String?)
    async throws
  {
    let variants = [("m", "monolith", "for-update"), ("e", "eda", "log")].map {
      ExperimentResult.VariantFacts(
        name: $0.0, architecture: $0.1, strategy: $0.2, people: 1, quota: 1, policies: 1, ratePerSecond: 1,
        concurrent: nil, programSettings: [:], excused: [])
    }
    let medians = try ["m": [300.0, 280, 310], "e": [400.0]].mapValues {
      ["memory_mib": try #require(Spread($0))]
    }
    let result = ExperimentResult(
      name: "08", question: "?", createdAt: "2026-01-01", commit: "c", seed: "1", isQuick: false, rounds: 3,
      machine: Machine(processor: "p", cores: 2, memoryBytes: 1, system: "s", swift: "6"),
      versions: versions, variants: variants, runs: [], medians: medians, shown: [], judgements: [])
    let table = CostTable(
      try await onLoop { [checkout] in try await CodeCount.read(checkout) }, settings: [:], result: result)
    let row = try #require(table.rows.first { $0.label.hasPrefix("peak memory") })
    #expect(row.label.contains(label), "\(row.label)")
    #expect(row.monolith == "300 MiB (280 MiB…310 MiB)" && row.eda == "400 MiB")
    #expect(table.markdown.contains("**eda was") == (versions["broker"].map { $0 != "installed" } ?? false))
    #expect((table.note != nil) == (note != nil))
    if let note { #expect(table.markdown.contains(note)) }
  }
}
