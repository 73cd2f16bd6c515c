import CouponDomain
import EventLoop
import Foundation
import History
import Laboratory
import LabTestSupport
import Postgres
import TestSupport
import Testing
import Verify

/// Each ledger that the checker reads, edited, cut or damaged after a right run: none of them may be verified.
@Suite(.serialized, .limited) struct EditedEvidenceTests {
  /// A change of the tables, and what takes it back.
  private struct Edit {
    let edit: String
    let undo: String
  }

  private static func update(_ table: String, _ column: String, to value: String, _ rows: String) -> Edit {
    Edit(
      edit: "UPDATE \(table) SET \(column) = \(value) WHERE \(rows)",
      undo: "UPDATE \(table) t SET \(column) = k.\(column) FROM kept_\(table) k WHERE "
        + (key[table] ?? []).map { "t.\($0) = k.\($0)" }.joined(separator: " AND "))
  }

  private static func delete(_ table: String, _ rows: String) -> Edit {
    Edit(
      edit: "DELETE FROM \(table) WHERE \(rows)",
      undo: "INSERT INTO \(table) OVERRIDING SYSTEM VALUE SELECT * FROM kept_\(table) WHERE \(rows)")
  }

  private static let key = [
    "policy": ["policy_id"], "policy_day": ["policy_id", "day"], "coupon": ["coupon_id"],
    "coupon_event": ["sequence"], "consumer_offset": ["topic", "partition"],
  ]

  private static let edits = [
    update("policy", "daily_quota", to: "daily_quota + 1", "true"),
    update("policy", "opens_at", to: "'00:00:01'", "true"),
    update("policy", "per_person", to: "'daily'", "true"),
    update("policy_day", "quota", to: "quota + 1", "issued = 0"),
    update("policy_day", "issued", to: "issued - 1", "issued > 0"),
    update("coupon", "rank", to: "rank + 100", "rank = 1"),
    update("coupon", "issued_at", to: "issued_at + interval '1 second'", "rank = 1"),
    update("coupon", "user_id", to: "'nobody'", "rank = 1"),
    update("coupon_event", "payload", to: "'x'::bytea", "rank = 1"),
    update("coupon_event", "payload", to: "substring(payload from 1 for 40)", "rank = 1"),
    update("consumer_offset", "next_offset", to: "next_offset + 1", "next_offset > 0"),
    delete("coupon", "rank = 5"), delete("coupon_event", "rank = 5"), delete("coupon_event", "rank IS NULL"),
    Edit(
      edit: """
        INSERT INTO dead_letter (topic, partition, "offset", reason, payload)
        SELECT topic, partition, 0, 'none', ''::bytea FROM consumer_offset WHERE next_offset > 0
        """, undo: "DELETE FROM dead_letter"),
  ]

  @Test func aTableThatIsEdited() async throws {
    try await onLoop {
      let trial = try await Trial(.eda, "log")
      let policy = try await trial.policy(quota: 5)
      let history = await trial.crowd(20, for: policy)
      func run(_ sql: String) async throws {
        _ = try await trial.tables.query(
          PostgresStatement(sql, readsOnly: false), [], deadline: .now + .seconds(10))
      }
      #expect(try await trial.verify(history).passed)
      // Somebody who may edit the table may do this, too.
      try await run("ALTER TABLE coupon_event DISABLE TRIGGER append_only")
      for table in Self.key.keys { try await run("CREATE TABLE kept_\(table) AS TABLE \(table)") }
      for edit in Self.edits {
        try await run(edit.edit)
        #expect(try await !trial.verify(history, patience: 1).passed, "\(edit.edit)")
        try await run(edit.undo)
      }
      let found = try await trial.verify(history)
      #expect(found.passed, "\(found.troubles)")
      #expect(found.unchecked.isEmpty && found.checkedInPart.isEmpty)
      await trial.end()
    }
  }

  /// What lab.json says of the servers, and a key or a number that is not theirs.
  @Test func aStateThatIsEdited() async throws {
    try await onLoop {
      let trial = try await Trial(.eda, "log")
      let policy = try await trial.policy(quota: 5)
      let history = await trial.crowd(20, for: policy)
      #expect(try await trial.verify(history).passed)
      let changes: [(String, (inout LabState) -> Void)] = [
        ("couponKey", { $0.couponKey = "another key of another laboratory" }),
        ("partitions", { $0.log?.partitions = 3 }), ("no log", { $0.log = nil }),
        ("database", { $0.database?.url += "x" }), ("no database", { $0.database = nil }),
      ]
      for (name, change) in changes {
        var state = trial.state
        change(&state)
        let passed = try? await Verification(
          checking: EvidenceReader.read(state, [history], patience: 1)
        ).passed
        #expect(passed != true, "\(name)")
      }
      // Redis proves nothing, but that it was not read is said.
      var state = trial.state
      state.redis = nil
      let found = Verification(checking: try await EvidenceReader.read(state, [history]))
      #expect(found.passed && found.gateIsMissing)
      await trial.end()
    }
  }

  /// The files of a laboratory, at the command itself.
  @Test func aFileThatIsCutOrEdited() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up("--only", "monolith")
      let load = try await lab.run(
        "load", "--people", "400", "--quota", "30", "--rate", "400", "--before", "2.5", "--after", "0.5")
      #expect(load.code == 0, "\(load.text)")
      let whole = try await lab.run("verify")
      #expect(whole.code == 0 && whole.text.contains("missing: verified\n"), "\(whole.text)")
      let folder = lab.folder + "/history"
      let file =
        "\(folder)/" + (try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first))
      let text = try String(contentsOfFile: file, encoding: .utf8)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      func isRefused(_ changed: [String], _ why: String) async throws {
        try changed.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        let result = try await lab.run("verify")
        #expect(result.code == 1 && result.text.contains(why), "\(why): \(result.text)")
      }
      try await isRefused(Array(lines.prefix(300)) + [""], "it has been cut off")
      try await isRefused(Array(lines.prefix(100) + lines.dropFirst(200)), "requests, and had")
      try await isRefused(lines.map { $0.replacing("for-update", with: "optimistic") }, "has been changed")
      try await isRefused(lines.map { $0.hasPrefix("#people") ? "#people\t399" : $0 }, "has been changed")
      try await isRefused(
        lines.map { $0.hasPrefix("#lab") ? "#laboratory\tffffffff" : $0 }, "has been changed")
      try await isRefused(["\u{0}\u{1}damaged", ""], "no history")
      // The format that says nothing of its end: judged, and never plainly verified.
      let former = lines.filter { !$0.hasPrefix("#end\t") }
        .map { $0 == "#timeattack history 2" ? "#timeattack history 1" : $0 }
      try former.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
      let old = try await lab.run("verify")
      #expect(
        old.code == 0 && old.text.contains("verified as far as it was checked (in part: I17)"),
        "\(old.text)")
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      let state = try String(contentsOfFile: lab.folder + "/lab.json", encoding: .utf8)
      try String(state.prefix(state.count / 2))
        .write(toFile: lab.folder + "/lab.json", atomically: true, encoding: .utf8)
      let cut = try await lab.run("verify")
      #expect(cut.code == 1 && cut.text.contains("lab.json cannot be read"), "\(cut.text)")
      try state.write(toFile: lab.folder + "/lab.json", atomically: true, encoding: .utf8)
      #expect(try await lab.run("verify").code == 0)
      #expect(try await lab.run("reset").code == 0)
    }
  }
}
