import TestSupport
import EventLoop
import Foundation
import PrivateServers
import Testing

@Suite(.limited) struct PrivateServerTests {
  @Test func postgresKeepsItsDataOverAKillAndARestart() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      try await psql(server, "CREATE TABLE kept AS SELECT 42 AS answer")
      await server.kill()
      #expect(!server.isRunning)
      try await server.restart()
      #expect(try await psql(server, "SELECT answer FROM kept") == "42")
      #expect(try await psql(server, "SHOW fsync") == "on")
      let url = try await server.createDatabase("another")
      #expect(url.hasSuffix("/another"))
      await server.stop()
      #expect(!server.isRunning)
    }
  }

  /// What was noted before its directory was moved: the data is where the note is, not where it says.
  @Test func dataThatWasMovedWithItsNoteIsFound() async throws {
    try await onLoop {
      let folder = try TestServers.folder()
      let note = #"{"folder": "/nowhere/before/postgres", "password": "secret"}"#
      try Data(note.utf8).write(to: URL(fileURLWithPath: folder + "/postgres.json"))
      #expect(PrivatePostgres.dataFolder(in: folder) == "/nowhere/before/postgres")
      try ServerFiles.makeFolder(folder + "/postgres")
      #expect(PrivatePostgres.dataFolder(in: folder) == folder + "/postgres")
      let server = try PrivatePostgres.adopt(in: folder, port: 1, process: nil)
      #expect(server.url.contains(":secret@"))
      try PrivatePostgres.remove(in: folder)
      #expect(!FileManager.default.fileExists(atPath: folder + "/postgres"))
    }
  }

  /// Every letter that means something in another program's configuration, or that its reader would not expect.
  static let strangeName = #"a "b" \x41\ 'c', 한글 [d] *? $HOME %20 #e; ü=:"#

  @Test func aRedisInAFolderWithAStrangeNameKeepsItsDataThere() async throws {
    try await onLoop {
      let folder = try TestServers.folder() + "/" + PrivateServerTests.strangeName
      let server = try await PrivateRedis.start(
        in: folder, durability: .always, onProcess: try TestServers.observer(signal: "KILL"))
      #expect(try await redis(server, "SET", "key", "value") == "OK")
      await server.stop()
      let files = try FileManager.default.contentsOfDirectory(atPath: folder + "/redis")
      #expect(files.contains("appendonlydir") || files.contains("appendonly.aof"), "\(files)")
      let again = try PrivateRedis.adopt(
        in: folder, port: server.port, onProcess: try TestServers.observer(signal: "KILL"))
      try await again.restart()
      #expect(try await redis(again, "GET", "key") == "value")
      await again.stop()
    }
  }

  @Test func aPostgresInAFolderWithAStrangeNameKeepsItsDataThere() async throws {
    try await onLoop {
      let folder = try TestServers.folder() + "/" + PrivateServerTests.strangeName
      let server = try await PrivatePostgres.start(
        in: folder, onProcess: try TestServers.observer(signal: "QUIT"))
      let data = try #require(PrivatePostgres.dataFolder(in: folder))
      try TestServers.removeAtEnd(data)
      try await psql(server, "CREATE TABLE kept AS SELECT 42 AS answer")
      await server.kill()
      try await server.restart()
      #expect(try await psql(server, "SELECT answer FROM kept") == "42")
      await server.stop()
    }
  }

  @Test func aPausedPostgresAnswersNothingUntilItIsResumed() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let sleeper = Completion<String>()
      EventLoop.shared.spawn {
        sleeper.succeed((try? await psql(server, "SELECT pg_sleep(0.2), 7")) ?? "failed")
      }
      // The backend is a child of the server; once it is there, all of them are stopped.
      try await until { !ProcessTable.descendants(of: server.pid).isEmpty }
      server.pause()
      let late = Completion<Void>()
      EventLoop.shared.schedule(after: .milliseconds(500)) { late.succeed(()) }
      try await late.value()
      #expect(!sleeper.isDone)
      server.resume()
      #expect(try await sleeper.value(deadline: .now + .seconds(20)) == "|7")
      await server.stop()
    }
  }

  @Test func aServerThatIsPausedCanBeStopped() async throws {
    try await onLoop {
      let server = try await TestServers.ownRedis()
      server.pause()
      await server.stop()
      #expect(!server.isRunning)
    }
  }

  @Test func redisKeepsItsDataUnlessItIsStartedEmpty() async throws {
    try await onLoop {
      let server = try await TestServers.ownRedis(durability: .always)
      #expect(try await redis(server, "SET", "key", "value") == "OK")
      await server.kill()
      try await server.restart()
      #expect(try await redis(server, "GET", "key") == "value")
      await server.kill()
      try await server.restart(empty: true)
      #expect(try await redis(server, "EXISTS", "key") == "0")
      await server.stop()
    }
  }

  @Test func secretsStandInNoArguments() async throws {
    try await onLoop {
      let postgres = try await TestServers.postgres()
      let redis = try await TestServers.redis()
      for (pid, url) in [(postgres.pid, postgres.url), (redis.pid, redis.url)] {
        let password = try #require(url.split(separator: "@").first?.split(separator: ":").last)
        let arguments = try await arguments(of: pid)
        #expect(!arguments.isEmpty)
        #expect(!arguments.contains(password))
      }
    }
  }

  @Test func aProcessIsKnownByItsBeginningToo() async throws {
    try await onLoop {
      let child = try ChildProcess.start(.init("sleep", ["60"], environment: ["PATH": "/usr/bin:/bin"]))
      let process = try #require(RunningProcess(pid: child.pid))
      let stranger = RunningProcess(pid: child.pid, began: process.began + "0")
      stranger.signal(SIGKILL)
      stranger.signalTree(SIGKILL)
      #expect(!stranger.isRunning)
      #expect(process.isRunning)
      process.signal(SIGTERM)
      #expect(await child.exit() == .signal(SIGTERM))
      #expect(!process.isRunning)
    }
  }
}

/// What everybody on the machine can read of a process' start. A small Linux has no `ps`.
@LoopActor
private func arguments(of pid: Int32) async throws -> String {
  if let arguments = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") {
    return String(decoding: arguments, as: UTF8.self)
  }
  let (_, output) = try await ChildProcess.run(
    .init(
      "ps", ["-o", "args=", "-p", String(pid)], environment: ["PATH": "/usr/bin:/bin"],
      output: .capture(limit: 65_536)))
  return String(decoding: output, as: UTF8.self)
}

/// The answer of PostgreSQL's own client.
@LoopActor
@discardableResult
func psql(_ server: PrivatePostgres, database: String? = nil, _ sql: String) async throws -> String {
  let program = try #require(Binaries.find("psql"))
  let (status, output) = try await ChildProcess.run(
    .init(
      program, ["-AtX", "-v", "ON_ERROR_STOP=1", "-c", sql],
      environment: ["PGSERVICEFILE": "/dev/null"].merging(
        environment(of: database.map { server.url(database: $0) } ?? server.url)
      ) { $1 },
      output: .capture(limit: 65_536)))
  let text = String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  try #require(status.isSuccess, "\(text)")
  return text
}

private func environment(of url: String) throws -> [String: String] {
  let parts = try #require(URLComponents(string: url))
  return [
    "PGHOST": try #require(parts.host), "PGPORT": String(try #require(parts.port)),
    "PGUSER": try #require(parts.user), "PGPASSWORD": try #require(parts.password),
    "PGDATABASE": String(parts.path.dropFirst()),
  ]
}

/// The answer of Redis' own client.
@LoopActor
func redis(_ server: PrivateRedis, _ command: String...) async throws -> String {
  let parts = try #require(URLComponents(string: server.url))
  let program = try #require(Binaries.find("redis-cli"))
  let (_, output) = try await ChildProcess.run(
    .init(
      program, ["-h", "127.0.0.1", "-p", String(server.port)] + command,
      environment: ["REDISCLI_AUTH": try #require(parts.password)], output: .capture(limit: 65_536)))
  return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
}
