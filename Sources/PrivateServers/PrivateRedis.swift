package import EventLoop
internal import Foundation

/// A private Redis server: loopback only, with a password, its data in the given directory.
@LoopActor
package final class PrivateRedis: PrivateServer {
  /// What a crash may lose.
  package enum Durability: String, CaseIterable, Codable, Sendable {
    /// Memory only.
    case none
    /// The append-only file, written to the disk once a second.
    case everySecond = "everysec"
    /// The append-only file, written to the disk before every answer.
    case always
  }

  /// A user of its access control list, beside the default one, which may do everything.
  package struct User: Sendable {
    package var name: String
    /// Secret.
    package var password: String
    /// As `ACL SETUSER` takes them.
    package var rules: String

    package init(name: String, password: String, rules: String) {
      (self.name, self.password, self.rules) = (name, password, rules)
    }

    fileprivate var line: String { "user \(name) on >\(password) \(rules)" }
  }

  package private(set) var port = 0
  package var process: RunningProcess?
  package let onProcess: @LoopActor (RunningProcess, Bool) -> Void
  package let log: String
  private let directory: String
  private let durability: Durability
  private let password: String
  private let extra: [String]

  /// `redis://:password@127.0.0.1:port/0`: a secret.
  package var url: String { "redis://:\(password)@127.0.0.1:\(port)/0" }

  private var data: String { directory + "/redis" }
  private var configuration: String { directory + "/redis.conf" }

  private init(
    directory: String, log: String, durability: Durability, password: String, extra: [String] = [],
    onProcess: @escaping @LoopActor (RunningProcess, Bool) -> Void
  ) {
    (self.directory, self.log, self.durability) = (directory, log, durability)
    (self.password, self.extra, self.onProcess) = (password, extra, onProcess)
  }

  /// - Parameters:
  ///   - extra: further lines of `redis.conf`.
  ///   - password: of a cluster's nodes, which share it; nil: a new one.
  /// - Throws: `ServerFailure`, `SpawnError`, `SocketError`.
  package static func start(
    in directory: String, durability: Durability = .everySecond, user: User? = nil, extra: [String] = [],
    log: String? = nil, password: String? = nil,
    onProcess: @escaping @LoopActor (RunningProcess, Bool) -> Void = { _, _ in }
  ) async throws -> PrivateRedis {
    let server = PrivateRedis(
      directory: directory, log: log ?? directory + "/redis.log", durability: durability,
      password: password ?? randomSecret(), extra: (user.map { [$0.line] } ?? []) + extra,
      onProcess: onProcess)
    try ServerFiles.makeFolder(server.data)
    let isNode = extra.contains("cluster-enabled yes")
    try await Launch.onFreePort("Redis", isNode ? PrivateRedis.hasRoomForBus : { _ in true }) { port in
      server.port = port
      try await server.launch()
    }
    return server
  }

  /// The nodes of a cluster speak to each other on a second port, 10,000 above the first.
  private nonisolated static func hasRoomForBus(_ port: Int) -> Bool { port <= 55_535 }

  /// A server that was started in `directory` and has ended.
  package static func adopt(
    in directory: String, port: Int, log: String? = nil,
    onProcess: @escaping @LoopActor (RunningProcess, Bool) -> Void = { _, _ in }
  ) throws -> PrivateRedis {
    let settings = (try? String(contentsOfFile: directory + "/redis.conf", encoding: .utf8)) ?? ""
    var values: [Substring: String] = [:]
    for line in settings.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1)
      if words.count == 2 { values[words[0]] = String(words[1]) }
    }
    guard let password = values["requirepass"] else {
      throw ServerFailure("no settings of a Redis server in \(directory)")
    }
    let users = settings.split(separator: "\n").filter { $0.hasPrefix("user ") }.map(String.init)
    let durability: Durability =
      values["appendonly"] == "no" ? .none : values["appendfsync"] == "always" ? .always : .everySecond
    let server = PrivateRedis(
      directory: directory, log: log ?? directory + "/redis.log", durability: durability,
      password: password, extra: users, onProcess: onProcess)
    server.port = port
    return server
  }

  /// Changes what a crash may lose, from the next start in `directory` on.
  package static func set(_ durability: Durability, in directory: String) throws {
    let file = directory + "/redis.conf"
    let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map { line in
      if line.hasPrefix("appendonly ") { return "appendonly \(durability == .none ? "no" : "yes")" }
      if line.hasPrefix("appendfsync ") {
        return "appendfsync \(durability == .always ? "always" : "everysec")"
      }
      return String(line)
    }
    try ServerFiles.writeSecret(Data((lines.joined(separator: "\n") + "\n").utf8), to: file)
  }

  /// Ends it as SIGTERM does: the append-only file is complete.
  package func stop() async { await end([(SIGTERM, .seconds(10))]) }

  /// Restarts it on the same port; `empty`: without its data.
  package func restart(empty: Bool = false) async throws {
    if isRunning { await stop() }
    if empty {
      try FileManager.default.removeItem(atPath: data)
      try ServerFiles.makeFolder(data)
    }
    do { try await launch() } catch Launch.Failure.portTaken {
      throw ServerFailure("Redis: port \(port) was taken meanwhile")
    } catch Launch.Failure.failed(let reason) { throw ServerFailure(reason) }
  }

  private func launch() async throws {
    guard let binary = Binaries.find("redis-server") else {
      throw ServerFailure("redis-server was not found; `make setup` installs it")
    }
    // In a file that only its owner can read: arguments are visible to every user. Redis reads it as its standard
    // input: in a path it would take brackets and stars for a pattern, and start without settings where nothing fits.
    try ServerFiles.writeSecret(Data(settings.utf8), to: configuration)
    var options = ChildProcess.Options(
      binary, ["-"], environment: ["LC_ALL": "C", "TZ": "UTC"], directory: data, output: .file(log),
      ownGroup: true)
    options.input = configuration
    try await Launch.start("Redis", of: self, options, log: log) { _, text in
      text.contains("Ready to accept connections")
    }
  }

  /// It keeps its data where it is started: a path would have to be quoted.
  private var settings: String {
    """
    bind 127.0.0.1
    port \(port)
    requirepass \(password)
    daemonize no
    save ""
    appendonly \(durability == .none ? "no" : "yes")
    appendfsync \(durability == .always ? "always" : "everysec")
    maxmemory-policy noeviction
    tcp-backlog 511
    """ + "\n" + extra.map { $0 + "\n" }.joined()
  }
}
