import Figures
import EventLoop
import Experiments
import Foundation
import PrivateServers
import Reports
import TestSupport
import Testing
import Verify
import lab

/// The commands as a person runs them, small.
@Suite(.serialized, .limited) struct DemoTests {
  private static let small = [
    "--people", "900", "--quota", "60", "--rate", "600", "--before", "2.5", "--after", "0.5",
  ]

  @Test func theVariantsAreComparedVerifiedAndReported() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let result = try await lab.run(arguments: ["demo", "--rounds", "1"] + DemoTests.small)
      #expect(result.code == 0, "\(result.text)")
      for text in [
        "3 runs: 1 round of monolith, monolith + cache and eda, taking turns",
        "Round 1 of 1: eda (run 3 of 3, about",
        "oversold", "time to sell-out", "Verified. The report: ",
      ] {
        #expect(result.text.contains(text), "\(text)")
      }
      let data = try #require(FileManager.default.contents(atPath: lab.folder + "/report/report.json"))
      let report = try JSONDecoder().decode(Report.self, from: data)
      #expect(report.passed)
      #expect(report.columns.map(\.title) == ["monolith", "monolith + cache", "eda"])
      #expect(report.columns.map(\.strategy) == ["for-update", "for-update-cached", "log"])
      #expect(report.columns.allSatisfy { $0.runs.count == 1 })
      for run in report.columns.flatMap(\.runs) {
        #expect(run.people.accepted == 60)
        #expect(
          run.people.accepted + run.people.soldOut + run.people.otherwiseRefused + run.people.failed == 900)
        #expect(run.ledgers.rows == 60 && run.ledgers.oversold == 0 && run.ledgers.duplicates == 0)
        #expect(run.metrics["durable_s"] != nil)
        #expect(run.usage.allSatisfy { ($0.peakMemoryBytes ?? 0) > 0 })
      }
      let text = String(decoding: data, as: UTF8.self)
      for secret in ["postgresql://", "redis://", "COUPON_KEY", "ADMIN_TOKEN"] {
        #expect(!text.contains(secret))
      }
      #expect(report.columns.first?.programSettings["monolith"]?["REQUEST_DEADLINE_MS"] == "2000")
      for part in ["PostgreSQL", "Redis", "libpq", "libuv", "libsodium", "libyaml", "hiredis", "librdkafka"] {
        #expect(report.versions[part]?.first?.isNumber == true, "\(part)")
      }
      #expect(report.versions["broker"] == "embedded")
      let page = try String(contentsOfFile: lab.folder + "/report/report.html", encoding: .utf8)
      #expect(page.contains("<svg"))
      // Nothing is left but the report.
      #expect(try FileManager.default.contentsOfDirectory(atPath: lab.folder) == ["report"])
      try FileManager.default.removeItem(atPath: lab.folder + "/report/report.html")
      #expect(try await lab.run("report").code == 0)
      #expect(FileManager.default.fileExists(atPath: lab.folder + "/report/report.html"))
    }
  }

  @Test func ctrlCEndsADemoAndLeavesNothing() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let demo = try lab.start("demo", "--only", "eda", "--before", "60")
      let state = lab.folder + "/demo-eda/lab.json"
      let deadline = Instant.now + .seconds(120)
      var parts: [LabFile.Part] = []
      while parts.count < 5 || parts.contains(where: { $0.port == 0 }), Instant.now < deadline, demo.isRunning
      {
        parts =
          FileManager.default.contents(atPath: state)
          .flatMap { try? JSONDecoder().decode(LabFile.self, from: $0) }?.parts ?? []
        await EventLoop.shared.sleep(for: .milliseconds(50))
      }
      #expect(parts.count == 5)
      demo.signal(SIGINT)
      #expect(await demo.exit() == .code(130))
      #expect(!parts.contains { $0.process.isRunning })
    }
  }

  @Test func loadVerifyAndRebuildOverALabThatWasDownInBetween() async throws {
    try await onLoop {
      let lab = try LabProcess()
      #expect(try await lab.run("up", "--only", "eda").code == 0)
      let load = try await lab.run(arguments: ["load"] + DemoTests.small)
      #expect(load.code == 0, "\(load.text)")
      #expect(load.text.contains("people: 60 accepted"))
      #expect(try await lab.run("down").code == 0)
      let rebuild = try await lab.run("rebuild", "--only", "eda")
      #expect(rebuild.code == 0, "\(rebuild.text)")
      #expect(rebuild.text.contains("60 coupons: no difference"))
      // The embedded broker has forgotten everything: its log is filled from the events.
      let up = try await lab.run("up", "--only", "eda")
      #expect(up.code == 0, "\(up.text)")
      let verify = try await lab.run("verify")
      #expect(verify.code == 0, "\(verify.text)")
      #expect(verify.text.contains("60 coupons, 0 oversold, 0 duplicates, 0 lost, 0 missing: verified"))
      #expect(try await lab.run("down").code == 0)
      // A laboratory that was dropped leaves no history to the next one, and what somebody kept is refused.
      let (folder, kept) = (lab.folder + "/history", lab.folder + "/kept.tsv")
      let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
      try FileManager.default.moveItem(atPath: "\(folder)/\(name)", toPath: kept)
      #expect(try await lab.run("reset").code == 0)
      #expect(!FileManager.default.fileExists(atPath: folder))
      try await lab.up("--only", "eda")
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: kept, toPath: "\(folder)/\(name)")
      let found = try await lab.run("verify")
      #expect(found.code == 1 && found.text.contains("skipped in "), "\(found.text)")
      let named = try await lab.run("verify", kept)
      #expect(named.code == 1 && named.text.contains("belongs to another laboratory than"), "\(named.text)")
      #expect(try await lab.run("reset").code == 0)
    }
  }

  @Test func whatCannotBeDoneIsOneLine() async throws {
    try await onLoop {
      let lab = try LabProcess()
      for (arguments, code, text) in [
        (["load"], 1, "no program is running that takes requests; start one with lab up"),
        (["load", "--people", "0"], 2, "--people must be a number in"),
        (["load", "--rate", "0.5"], 2, "--rate must be a number in"),
        (["load", "--rate", "1"], 2, "at this rate the crowd takes longer than 50 minutes"),
        (["load", "--seed", "x"], 2, "--seed must be a whole number"),
        (["verify"], 1, "there is no laboratory"),
        (["report"], 1, "report.json; lab demo writes one"),
        (["rebuild"], 1, "there is no laboratory"),
        (["rebuild", "--log", "--apply"], 2, "are for the event-driven version"),
        (["demo", "--only", "eda", "--quota", "30000"], 1, "more than the embedded broker holds"),
      ] as [([String], Int32, String)] {
        let result = try await lab.run(arguments: arguments)
        #expect(result.code == code, "\(arguments)")
        #expect(result.text.contains(text), "\(arguments): \(result.text)")
        #expect(result.text.split(separator: "\n").count == 1)
      }
    }
  }
}
