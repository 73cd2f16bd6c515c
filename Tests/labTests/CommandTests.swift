import EventLoop
import Experiments
import Foundation
import PrivateServers
import TestSupport
import Testing
import lab
import Laboratory
import Terminal

@Suite(.limited) struct CommandArgumentsTests {
  @Test func optionsAreTakenInBothSpellingsAndAnyOrder() throws {
    var arguments = CommandArguments(["show", "--only=eda", "7", "-f", "--id", "3"])
    #expect(try arguments.choice("--only", of: ["monolith", "eda"]) == "eda")
    #expect(try arguments.number("--id", in: 1...9) == 3)
    let follows = arguments.flag("-f", "--follow")
    let positionals = [arguments.positional(), arguments.positional(), arguments.positional()]
    #expect(follows)
    #expect(positionals == ["show", "7", nil])
    try arguments.finish()
  }

  @Test(arguments: [
    (["--only"], "--only needs a value"), (["--only="], "--only needs a value"),
    (["--only", "--id", "3"], "--only needs a value"),
    (["--only", "both"], "--only must be one of monolith, eda, not “both”"),
    (["--only", "eda", "--only=eda"], "--only is given twice"), (["--nope"], "unknown option --nope"),
    (["-x"], "unknown option -x"), (["more"], "unexpected argument “more”"),
    (["--id", "0"], "--id must be a number in 1…9, not “0”"),
    (["--id", "x"], "--id must be a number in 1…9, not “x”"),
  ])
  func whatCannotBeUnderstoodIsNamed(list: [String], message: String) {
    let error = #expect(throws: UsageError.self) {
      var arguments = CommandArguments(list)
      _ = try arguments.choice("--only", of: ["monolith", "eda"])
      _ = try arguments.number("--id", in: 1...9)
      try arguments.finish()
    }
    #expect(error?.description == message)
  }
}

@Suite(.limited) struct ProgramEnvironmentTests {
  private func state(named: Bool) throws -> LabState {
    let json = """
      {"version": 1, "id": "0badcafe", "couponKey": "0123456789abcdef", "adminToken": "fedcba9876543210",
       "database": {"url": "postgresql://u:p@h:1/d", "isPrivate": \(!named)},
       "redis": {"url": "redis://:p@h:2/0", "isPrivate": \(!named)},
       "log": {"brokers": "h:3", "kind": "\(named ? "named" : "embedded")", "partitions": 4}, "parts": [
         {"part": "eda-worker", "process": {"pid": 1, "began": "x"}, "port": 5, "adminPort": 6}]}
      """
    return try JSONDecoder().decode(LabState.self, from: Data(json.utf8))
  }

  @Test func privateServersHaveThePlainNames() throws {
    var options = UpOptions()
    options.environment = [
      "LOG_LEVEL": "debug", "HTTP_PORT": "80", "ADMIN_PEERS": "stranger:1", "SHARE_PORT": "on",
    ]
    let environment = ProgramCommand.environment(
      of: .edaAPI, state: try state(named: false), options: options)
    #expect(environment["LOG_LEVEL"] == "debug")
    #expect(environment["HTTP_PORT"] == "0")
    #expect(environment["SHARE_PORT"] == nil)
    #expect(environment["ADMIN_PEERS"] == "127.0.0.1:6")
    #expect(environment["DATABASE_SCHEMA"] == "eda")
    #expect(environment["KAFKA_TOPIC"] == "TimeAttackCouponIssue")
    #expect(environment["KEY_PREFIX"] == "")
    #expect(environment["KAFKA_PARTITIONS"] == "4")
  }

  @Test func namedServersHaveNamesOfTheLaboratorysOwn() throws {
    var options = UpOptions()
    options.environment = [:]
    options.settings = [.monolith: ["COUPON_STRATEGY": "unlocked"]]
    let state = try state(named: true)
    let monolith = ProgramCommand.environment(of: .monolith, state: state, options: options)
    let worker = ProgramCommand.environment(of: .edaWorker, state: state, options: options)
    #expect(monolith["DATABASE_SCHEMA"] == "monolith_0badcafe")
    #expect(monolith["COUPON_STRATEGY"] == "unlocked")
    #expect(worker["COUPON_STRATEGY"] == nil)
    #expect(worker["DATABASE_SCHEMA"] == "eda_0badcafe")
    #expect(worker["KAFKA_TOPIC"] == "TimeAttackCouponIssue-0badcafe")
    #expect(worker["KEY_PREFIX"] == "lab0badcafe:")
    #expect(worker["ADMIN_PEERS"] == nil)
  }

  @Test func aReadyFileIsReadOnceItIsThere() throws {
    let path = FileManager.default.temporaryDirectory.path + "/ready-\(UUID().uuidString).json"
    #expect(ReadyNote.read(path) == nil)
    try #"{"program":"eda-api","pid":5,"httpPort":7,"adminPort":8}"#
      .write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let note = try #require(ReadyNote.read(path))
    #expect(note.pid == 5 && note.httpPort == 7 && note.adminPort == 8 && note.brokers == nil)
  }

  /// `lab settings --markdown > docs/settings.md` makes the page again.
  @Test func thePageOfSettingsIsWhatTheProgramsDeclare() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
      path: "../../docs/settings.md")
    #expect(try String(contentsOf: page, encoding: .utf8) == SettingsPage.markdown + "\n")
  }
}
