package import EventLoop
import Foundation
package import PrivateServers

/// Servers for tests: real ones, that end and leave nothing when the test process ends, also when it is killed.
@LoopActor
package enum TestServers {
  private static let sharedPostgres = Shared { try await ownPostgres() }
  private static let sharedRedis = Shared { try await ownRedis() }
  private static let sharedSecureKafka = Shared { try await SecureKafka.start() }
  private static var watchdog: Watchdog?

  /// The process' one PostgreSQL server: leave it running; take a database or schema of your own.
  package static func postgres() async throws -> PrivatePostgres { try await sharedPostgres.value() }

  /// The process' one Redis server: leave it running; take keys of your own.
  package static func redis() async throws -> PrivateRedis { try await sharedRedis.value() }

  /// The process' one real broker with TLS and logins: leave it running; take a topic of your own.
  package static func secureKafka() async throws -> SecureKafka { try await sharedSecureKafka.value() }

  /// A PostgreSQL server for a test that stops, kills or pauses it.
  package static func ownPostgres() async throws -> PrivatePostgres {
    let folder = try folder()
    let server = try await PrivatePostgres.start(in: folder, onProcess: try observer(signal: "QUIT"))
    if let data = PrivatePostgres.dataFolder(in: folder) { try removeAtEnd(data) }
    return server
  }

  /// A streaming replica of a server, for a test that promotes it.
  package static func replica(of server: PrivatePostgres) async throws -> PrivatePostgres {
    let folder = try folder()
    let replica = try await server.startReplica(in: folder, onProcess: try observer(signal: "QUIT"))
    if let data = PrivatePostgres.dataFolder(in: folder) { try removeAtEnd(data) }
    return replica
  }

  /// A Redis server for a test that stops, kills or pauses it.
  ///
  /// - Parameter extra: further lines of `redis.conf`.
  package static func ownRedis(
    durability: PrivateRedis.Durability = .everySecond, extra: [String] = []
  ) async throws -> PrivateRedis {
    try await PrivateRedis.start(
      in: try folder(), durability: durability, extra: extra, onProcess: try observer(signal: "KILL"))
  }

  /// A cluster for a test that moves its slots and kills its masters.
  package static func redisCluster(
    masters: Int = 3, replicas: Int = 0, spare: Int = 0, nodeTimeout: Duration = .seconds(2),
    extra: [String] = []
  ) async throws -> PrivateRedisCluster {
    try await PrivateRedisCluster.start(
      in: try folder(), masters: masters, replicas: replicas, spare: spare, nodeTimeout: nodeTimeout,
      extra: extra, onProcess: try observer(signal: "KILL"))
  }

  /// A new empty folder that is removed at the end.
  package static func folder() throws -> String {
    let path = NSTemporaryDirectory() + "timeattack-test-" + randomSecret().prefix(12)
    try ServerFiles.makeFolder(path)
    try removeAtEnd(path)
    return path
  }

  /// For a folder of a private server that a test has started with its own means: below a `timeattack-…`.
  package static func removeAtEnd(_ folder: String) throws { try dog().remove(folder: folder) }

  /// A program that a test has started ends with the test process.
  package static func adopt(_ child: ChildProcess) throws {
    guard let process = RunningProcess(pid: child.pid) else { return }
    try dog().watch(process, signal: "KILL")
    EventLoop.shared.spawn {
      _ = await child.exit()
      watchdog?.forget(process)
    }
  }

  /// For a program that a test starts with its own means.
  package static func observer(signal: String) throws -> @LoopActor (RunningProcess, Bool) -> Void {
    let dog = try dog()
    return { process, runs in runs ? dog.watch(process, signal: signal) : dog.forget(process) }
  }

  private static func dog() throws -> Watchdog {
    if let watchdog { return watchdog }
    let new = try Watchdog()
    watchdog = new
    return new
  }
}

/// Made once, by whoever asks first; the others wait for it.
@LoopActor
private final class Shared<Value: Sendable> {
  private let make: @Sendable @LoopActor () async throws -> Value
  private var result: Result<Value, any Error>?
  private var waiters: [Completion<Value>] = []
  private var isBegun = false

  nonisolated init(_ make: @escaping @Sendable @LoopActor () async throws -> Value) { self.make = make }

  func value() async throws -> Value {
    if let result { return try result.get() }
    let waiter = Completion<Value>()
    waiters.append(waiter)
    if !isBegun {
      isBegun = true
      EventLoop.shared.spawn { await self.begin() }
    }
    return try await waiter.value()
  }

  private func begin() async {
    do { finish(.success(try await make())) } catch { finish(.failure(error)) }
  }

  private func finish(_ result: Result<Value, any Error>) {
    self.result = result
    for waiter in waiters {
      switch result {
      case .success(let value): waiter.succeed(value)
      case .failure(let error): waiter.fail(error)
      }
    }
    waiters = []
  }
}
