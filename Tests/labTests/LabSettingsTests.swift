import EventLoop
import Foundation
import Laboratory
import TestSupport
import Testing
import lab

/// What of the user's environment reaches the programs, and what `lab` refuses because it says it itself.
@Suite(.limited) struct LabSettingsTests {
  @Test(arguments: [
    ("HTTP_HOST", "--host"), ("HTTP_PORT", "--monolith-port"), ("ADMIN_HOST", "--operator-host"),
    ("ADMIN_PORT", "--operator-ports"), ("KAFKA_PARTITIONS", "--partitions"), ("COUPON_KEY", "lab makes one"),
  ])
  func aSettingThatLabGivesItselfIsRefused(key: String, remedy: String) async throws {
    try await onLoop {
      let lab = try LabProcess()
      let (code, text) = try await lab.run("up", "--only", "monolith", environment: [key: "9"])
      try lab.adoptAgain()
      #expect(code == 2, "\(text)")
      #expect(text.contains("lab: up: \(key) is set") && text.contains(remedy), "\(text)")
      #expect(lab.state?.parts.isEmpty ?? true)
      _ = try await lab.run("reset")
    }
  }

  /// Whoever declares a setting says here whose it is.
  @Test func everySettingHasOneWhoSaysIt() {
    let declared = Set(SettingsPage.markdown.matches(of: /\| `([A-Z_]+)` \|/).map { String($0.output.1) })
    #expect(declared.count > 20)
    let sources = [Set(SettingSource.lab.map(\.key)), SettingSource.servers, SettingSource.user]
    for key in declared { #expect(sources.count { $0.contains(key) } == 1, "\(key)") }
  }

  /// A login that is missing is not replaced by the owner's.
  @Test func eachProgramIsToldWhatItUsesAlone() throws {
    var state = try state()
    state.logins = ["eda-api": Login(user: "api", password: "x")]
    state.redisLogin = Login(user: "gate", password: "y")
    let (database, redis) = ("postgresql://u:p@h:1/d", "redis://:p@h:2/0")
    #expect(state.reached("DATABASE_URL", at: database, by: .edaAPI) == "postgresql://api:x@h:1/d")
    #expect(state.reached("REDIS_URL", at: redis, by: .edaAPI) == "redis://gate:y@h:2/0")
    // Something may stand before the server.
    #expect(state.reached("REDIS_URL", at: "redis://:p@h:9/0", by: .edaAPI) == "redis://gate:y@h:9/0")
    for part in [LabPart.monolith, .edaWorker, .kafka] {
      #expect(state.reached("DATABASE_URL", at: database, by: part) == nil)
      #expect(state.reached("REDIS_URL", at: redis, by: part) == nil)
    }
    state.database?.isPrivate = false
    state.redis?.isPrivate = false
    #expect(state.reached("DATABASE_URL", at: database, by: .monolith) == database)
    #expect(state.reached("REDIS_URL", at: redis, by: .edaAPI) == redis)
  }

  private func state() throws -> LabState {
    let json = """
      {"version": 1, "id": "0badcafe", "couponKey": "0123456789abcdef", "adminToken": "fedcba9876543210",
       "database": {"url": "postgresql://u:p@h:1/d", "isPrivate": true},
       "redis": {"url": "redis://:p@h:2/0", "isPrivate": true},
       "log": {"brokers": "h:3", "kind": "embedded", "partitions": 4}, "parts": []}
      """
    return try JSONDecoder().decode(LabState.self, from: Data(json.utf8))
  }

  /// A variable that a library reads would change what a program does, and nobody has said it to the program.
  @Test(arguments: [
    "PGDATESTYLE", "PGSERVICE", "PGSSLMODE", "PGOPTIONS", "PGPASSFILE", "JAVA_TOOL_OPTIONS", "KAFKA_OPTS",
    "NO_SUCH_SETTING",
  ])
  func whatIsNoSettingOfAProgramDoesNotReachIt(key: String) throws {
    var options = UpOptions()
    options.environment = [key: "German", "LOG_LEVEL": "debug", "PATH": "/bin", "CRASH_AT": "tea"]
    for part in [LabPart.monolith, .edaAPI, .edaWorker, .kafka] {
      let state = try state()
      let environment = ProgramCommand.environment(of: part, state: state, options: options)
      #expect(environment[key] == nil)
      #expect(environment["LOG_LEVEL"] == "debug" && environment["PATH"] == "/bin")
      #expect(environment["CRASH_AT"] == "tea")
    }
  }
}
