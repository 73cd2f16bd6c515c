import TestSupport
import EventLoop
import Foundation
import HTTP
import Laboratory
import PrivateServers
import Redis
import Testing

/// Who is logged in to the laboratory's Redis, beside its owner.
@LoopActor
private func redisUsers(of lab: LabProcess) async throws -> Set<String> {
  let url = try #require(try LabState.read(LabFolder(path: lab.folder))?.redis?.url)
  let owner = RedisClient(configuration: try RedisConfiguration(url: url), name: "test")
  owner.start()
  defer { owner.close() }
  try await owner.connected(deadline: .now + .seconds(10))
  let list = try await owner.command(["CLIENT", "LIST"], deadline: .now + .seconds(10)).text ?? ""
  return Set(list.matches(of: /user=(\w+)/).map { String($0.output.1) }).subtracting(["default"])
}

/// `lab` as a whole: real servers, the real programs. One after the other, for each starts half a dozen processes.
@Suite(.serialized, .limited) struct LabRunTests {
  @Test func aLaboratoryStartsAndLeavesNothing() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up("--only", "monolith")
      let parts = try #require(lab.state?.parts)
      #expect(parts.map(\.part) == ["postgres", "monolith"])
      #expect(try await lab.run("status").code == 0)
      let again = try await lab.run("up")
      #expect(again.code == 1 && again.text.contains("is already running (postgres, monolith)"))
      let created = try await lab.run("policy", "create", "--quota", "3")
      #expect(created.code == 0 && created.text.contains("monolith  policy 1: TimeAttack"))
      #expect(try await lab.run("policy", "show", "1").text.contains("\"dailyQuota\":3"))
      #expect(try await lab.run("policy", "show", "2").code == 1)
      #expect(try await lab.run("logs", "monolith").text.contains("message=listening"))
      #expect(try await lab.run("down").code == 0)
      #expect(parts.allSatisfy { !$0.process.isRunning })
      #expect(try await lab.run("status").code == 1)
      // What was there is there again.
      try await lab.up("--only", "monolith")
      #expect(try await lab.run("policy", "show", "1").code == 0)
      #expect(try await lab.run("reset").code == 0)
      #expect(lab.state == nil)
    }
  }

  @Test func bothArchitecturesIssueAndEverythingIsWrittenBeforeTheEnd() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up()
      let parts = try #require(lab.state?.parts)
      #expect(parts.map(\.part) == ["postgres", "redis", "kafka", "monolith", "eda-worker", "eda-api"])
      #expect(try await lab.run("policy", "create", "--quota", "2").code == 0)
      for part in parts where ["monolith", "eda-api"].contains(part.part) {
        let answers = try await ask(part, for: ["ann", "bob", "ann", "cid"])
        #expect(answers == [201, 201, 200, 409])
      }
      let postgres = try #require(parts.first { $0.part == "postgres" })
      let server = try PrivatePostgres.adopt(in: lab.folder, port: postgres.port, process: postgres.process)
      // The API stops first and the worker writes all that the log has: then the rows are there.
      let api = try #require(parts.first { $0.part == "eda-api" })
      let worker = try #require(parts.first { $0.part == "eda-worker" })
      worker.process.signalTree(SIGSTOP)
      let down = try lab.start("down")
      _ = await api.process.hasEnded(within: .seconds(30))
      #expect(postgres.process.isRunning)
      worker.process.signalTree(SIGCONT)
      #expect(await down.exit() == .code(0))
      #expect(parts.allSatisfy { !$0.process.isRunning })
      try await server.restart()
      for schema in ["monolith", "eda"] {
        #expect(try await psql(server, "SELECT count(*), max(rank) FROM \(schema).coupon") == "2|2")
      }
      await server.stop()
      #expect(try await lab.run("reset").code == 0)
    }
  }

  /// Each program logs in with a role of its own, also after a restart of what it logs in to.
  @Test func eachProgramHasTheLeastOfRights() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up()
      let parts = try #require(lab.state?.parts)
      let postgres = try #require(parts.first { $0.part == "postgres" })
      let server = try PrivatePostgres.adopt(in: lab.folder, port: postgres.port, process: postgres.process)
      let roles = """
        SELECT string_agg(DISTINCT usename, ' ' ORDER BY usename) FROM pg_stat_activity
        WHERE application_name ~ '^(monolith|eda)'
        """
      let all = "timeattack_api timeattack_monolith timeattack_worker"
      #expect(try await psql(server, roles) == all)
      #expect(try await redisUsers(of: lab) == ["timeattack"])
      let superusers = "SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolsuper"
      #expect(try await psql(server, superusers) == "timeattack")
      for part in ["redis", "database"] { #expect(try await lab.run("fault", part, "restart").code == 0) }
      try await until(within: .seconds(60)) {
        try await lab.run("policy", "create", "--id", "1", "--quota", "1").code == 0
      }
      for part in parts where ["monolith", "eda-api"].contains(part.part) {
        #expect(try await ask(part, for: ["ann"]) == [201])
      }
      // Not all are back yet; none is back as the owner.
      let owners = """
        SELECT count(*) FROM pg_stat_activity
        WHERE application_name ~ '^(monolith|eda)' AND usename NOT LIKE 'timeattack\\_%'
        """
      #expect(try await psql(server, owners) == "0")
      #expect(try await redisUsers(of: lab) == ["timeattack"])
      // What was made for the first start is right for the second.
      let logins = try LabState.read(LabFolder(path: lab.folder))?.logins
      #expect(logins?.count == 3)
      #expect(try await lab.run("down").code == 0)
      try await lab.up()
      #expect(try await lab.run("policy", "show", "1").code == 0)
      #expect(try LabState.read(LabFolder(path: lab.folder))?.logins == logins)
      #expect(try await lab.run("reset").code == 0)
    }
  }

  /// The embedded broker holds the log in memory alone: what is nowhere else is not dropped.
  @Test(.timeLimit(.minutes(3))) func acceptedCouponsOutliveTheirWorkerAndDatabase() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up("--only", "eda")
      #expect(try await lab.run("policy", "create", "--quota", "3").code == 0)
      let parts = try #require(lab.state?.parts)
      let api = try #require(parts.first { $0.part == "eda-api" })
      let postgres = try #require(parts.first { $0.part == "postgres" })
      #expect(try await lab.run("fault", "worker", "kill").code == 0)
      #expect(try await ask(api, for: ["ann", "bob"]) == [201, 201])
      #expect(try await lab.run("fault", "database", "kill").code == 0)
      let refused = try await lab.run("down")
      #expect(refused.code == 1 && refused.text.contains("not stopped: "), "\(refused.text)")
      #expect(refused.text.contains("lab fault database restart"), "\(refused.text)")
      #expect(parts.first { $0.part == "kafka" }?.process.isRunning ?? false)
      #expect(try await lab.run("fault", "database", "restart").code == 0)
      let down = try await lab.run("down")
      #expect(down.code == 0, "\(down.text)")
      #expect(lab.state?.parts.isEmpty ?? false)
      let server = try PrivatePostgres.adopt(in: lab.folder, port: postgres.port, process: nil)
      try await server.restart()
      #expect(try await psql(server, "SELECT count(*) FROM eda.coupon") == "2")
      await server.stop()
      #expect(try await lab.run("reset").code == 0)
    }
  }

  @Test(.timeLimit(.minutes(3))) func aLogOfDeadLettersAloneDoesNotKeepTheNextOneFromStarting() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up("--only", "eda")
      #expect(try await lab.run("fault", "log", "poison", "--count", "3").code == 0)
      #expect(try await lab.run("down").code == 0)
      try await lab.up("--only", "eda")
      #expect(try await lab.run("policy", "create", "--quota", "3").code == 0)
      #expect(try await lab.run("down").code == 0)
      #expect(try await lab.run("reset").code == 0)
    }
  }

  @Test func aProgramThatEndsEndsTheStart() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let (code, text) = try await lab.run("up", environment: ["COUPON_STRATEGY": "nonsense"])
      #expect(code == 1)
      #expect(text.contains("lab: up: monolith has ended: monolith prepare: COUPON_STRATEGY must be one of"))
      #expect(text.contains("(see \(lab.folder)/logs/monolith.log)"))
      #expect(text.split(separator: "\n").filter { $0.hasPrefix("lab: ") }.count == 1)
      #expect(lab.state?.parts.isEmpty ?? false)
      #expect(try await lab.run("reset").code == 0)
    }
  }

  @Test func onlyItsOwnerCanReadTheSecrets() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up("--only", "monolith")
      for file in ["lab.json", "postgres.json", "logs/monolith.log"] {
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(lab.folder)/\(file)")
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
      }
      #expect(try await lab.run("reset").code == 0)
    }
  }

  @Test func twoLaboratoriesDoNotMeet() async throws {
    try await onLoop {
      let (first, second) = (try LabProcess(), try LabProcess())
      let other = Completion<Void>()
      EventLoop.shared.spawn {
        do {
          try await second.up("--only", "monolith")
          other.succeed(())
        } catch { other.fail(error) }
      }
      try await first.up("--only", "monolith")
      try await other.value()
      let ports = [first, second].flatMap { $0.state?.parts.map(\.port) ?? [] }
      #expect(ports.count == 4 && Set(ports).count == 4)
      #expect(try await first.run("reset").code == 0)
      #expect(try await second.run("status").code == 0)
      #expect(try await second.run("reset").code == 0)
    }
  }

  @Test(arguments: [(SIGINT, 1), (SIGTERM, 3), (SIGINT, 6)])
  func aStartThatIsInterruptedLeavesNothing(signal: Int32, afterParts count: Int) async throws {
    try await onLoop {
      let lab = try LabProcess()
      let up = try lab.start("up")
      let parts = try await lab.partsOnce(up) { $0.count >= count }
      up.signal(signal)
      #expect(await up.exit() == .code(130))
      #expect(parts.allSatisfy { !$0.process.isRunning })
      #expect(lab.state?.parts.isEmpty ?? false)
      #expect(try await lab.run("reset").code == 0)
    }
  }

  @Test func downFindsWhatAKilledStartHasLeft() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let up = try lab.start("up", "--only", "monolith")
      let parts = try await lab.partsOnce(up) { !$0.isEmpty }
      up.signal(SIGKILL)
      _ = await up.exit()
      #expect(parts.contains { $0.process.isRunning })
      #expect(try await lab.run("up").code == 1)
      #expect(try await lab.run("down").code == 0)
      #expect(parts.allSatisfy { !$0.process.isRunning })
      #expect(try await lab.run("reset").code == 0)
    }
  }

  @Test func aStrangerWithARememberedNumberIsLeftAlone() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let stranger = try ChildProcess.start(.init("sleep", ["600"], environment: ["PATH": "/usr/bin:/bin"]))
      try TestServers.adopt(stranger)
      try FileManager.default.createDirectory(atPath: lab.folder, withIntermediateDirectories: true)
      let file = """
        {"version": 1, "id": "0badcafe", "couponKey": "0123456789abcdef", "adminToken": "fedcba9876543210", "parts": [
          {"part": "monolith", "process": {"pid": \(stranger.pid), "began": "before"}, "port": 1, "adminPort": 2}]}
        """
      try Data(file.utf8).write(to: URL(fileURLWithPath: lab.folder + "/lab.json"))
      #expect(try await lab.run("status").text.contains("has ended"))
      #expect(try await lab.run("reset").code == 0)
      #expect(stranger.isRunning)
      stranger.signal(SIGKILL)
    }
  }

  @Test func anUnreadableStateFallsBackOrSaysWhatHelps() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let file = lab.folder + "/lab.json"
      try await lab.up("--only", "monolith")
      try Data("{".utf8).write(to: URL(fileURLWithPath: file))
      let status = try await lab.run("status")
      #expect(status.text.contains("is used instead (lab.json.old)"), "\(status.text)")
      #expect(try await lab.run("down").code == 0)
      for name in [file, file + ".old"] { try Data("{".utf8).write(to: URL(fileURLWithPath: name)) }
      let refused = try await lab.run("reset")
      #expect(refused.code == 1 && refused.text.contains("remove the file, then run lab reset"))
      try FileManager.default.removeItem(atPath: file)
      #expect(try await lab.run("reset").code == 0)
      #expect(PrivatePostgres.dataFolder(in: lab.folder) == nil)
      #expect(!FileManager.default.fileExists(atPath: file + ".old"))
    }
  }

  @Test func aNamedDatabaseIsUsedAndCleanedUp() async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let lab = try LabProcess()
      let environment = ["DATABASE_URL": try await server.createDatabase("named_lab")]
      try await lab.up("--only", "monolith", environment: environment)
      #expect(lab.state?.parts.map(\.part) == ["monolith"])
      let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'monolith\\_%'"
      #expect(try await psql(server, database: "named_lab", schemas) == "1")
      #expect(try await lab.run("down").code == 0)
      #expect(try await psql(server, database: "named_lab", schemas) == "1")
      #expect(try await lab.run("reset").code == 0)
      #expect(try await psql(server, database: "named_lab", schemas) == "0")
    }
  }

  @Test func aServerThatDoesNotAnswerEndsTheStartInOneLine() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let (code, text) = try await lab.run(
        "up", "--only", "monolith", "--ready-within", "2",
        environment: ["DATABASE_URL": "postgresql://u:verysecret@127.0.0.1:1/d"])
      #expect(code == 1)
      #expect(text.contains("monolith is not ready after 2 s"))
      #expect(!text.contains("verysecret"))
      #expect(lab.state?.parts.isEmpty ?? false)
    }
  }
}

/// The statuses of requests for a coupon of policy 1, one after the other.
@LoopActor
func ask(_ part: LabFile.Part, for people: [String], policy: Int = 1) async throws -> [Int] {
  let address = SocketAddress(numericHost: "127.0.0.1", port: part.port)
  let client = HTTPClient(HTTPClientConfiguration(address: address))
  defer { client.close() }
  var statuses: [Int] = []
  for person in people {
    let request = HTTPRequest(.post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", person)])
    // Asked again where nothing was done: a machine with other work may need longer than a request's deadline at first.
    var answer = try await client.send(request, deadline: .now + .seconds(20))
    for _ in 0..<10
    where answer.status == 503 && String(decoding: answer.body, as: UTF8.self).contains("unavailable") {
      answer = try await client.send(request, deadline: .now + .seconds(20))
    }
    statuses.append(answer.status)
  }
  return statuses
}
