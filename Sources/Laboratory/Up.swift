import EventLoop
import Foundation
import Kafka
import Operations
package import PrivateServers
package import History
import Terminal

/// What `lab up` is asked for.
package struct UpOptions: Sendable {
  package var architectures: Set<Architecture> = Set(Architecture.allCases)
  /// A broker of an installed Kafka instead of the embedded one.
  package var installedKafka = false
  /// Of the log, where it is made anew.
  package var partitions = 8
  /// For the programs to be ready, all together.
  package var readyWithin = Duration.seconds(60)
  /// The environment that the command was given: `DATABASE_URL`, `REDIS_URL`, `KAFKA_BROKERS` and the programs' own settings.
  package var environment: [String: String] = ProcessInfo.processInfo.environment
  /// Settings of single programs, over everything else.
  package var settings: [LabPart: [String: String]] = [:]
  /// Where programs listen; those that are not named: on free ports of the loopback.
  package var listen: [LabPart: ListenOptions] = [:]
  /// Of a private Redis; nil: the append-only file, once a second.
  package var redisDurability: PrivateRedis.Durability?
  /// Where the programs lie; nil: beside `lab` itself.
  package var programs: String?
  /// Programs that end by themselves are started again, each by a keeper of its own.
  package var restart = false
  /// Runs when the servers do: puts something between them and the programs, and returns settings for all programs.
  package var wire: (@Sendable @LoopActor () async throws -> [String: String])?

  package init() {}

  package var parts: [LabPart] {
    (architectures.contains(.monolith) ? [.monolith] : [])
      + (architectures.contains(.eda) ? [.edaWorker, .edaAPI] : [])
  }

  package func named(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
}

extension Lab {
  /// Starts everything that is asked for and waits until it is ready; where that fails, stops everything that was started.
  ///
  /// - Throws: `UsageError` for a setting that is not the user's to say; `LabFailure` and what servers throw, each in one
  ///   line; `Interrupted`.
  package func up(_ options: UpOptions) async throws {
    try SettingSource.check(options.environment)
    let running = state.running.map(\.part.rawValue)
    guard running.isEmpty else {
      throw LabFailure(
        "is already running (\(running.joined(separator: ", "))); lab status shows it, lab down stops it")
    }
    try update { $0.parts = [] }
    try ServerFiles.writeSecret(Data("\(state.adminToken)\n".utf8), to: folder.operatorToken)
    keptSwitches.forgetAll()
    // The part that is starting would keep an interrupted start waiting.
    isStarting = true
    defer { isStarting = false }
    interrupt.onCome { [weak self] in
      if let self, self.isStarting { self.state.parts.last?.process.signal(SIGTERM) }
    }
    do {
      try await startServers(options)
      try await startPrograms(try await wired(options))
      try interrupt.check()
    } catch {
      await stopAll()
      throw interrupt.hasCome ? Interrupted() : error
    }
  }

  private func wired(_ options: UpOptions) async throws -> UpOptions {
    guard let wire = options.wire else { return options }
    var options = options
    let settings = try await wire()
    for part in options.parts { options.settings[part, default: [:]].merge(settings) { $1 } }
    return options
  }

  private func startServers(_ options: UpOptions) async throws {
    try await startDatabase(options)
    guard options.architectures.contains(.eda) else { return }
    try await startRedis(options)
    try await startLog(options)
  }

  private func startDatabase(_ options: UpOptions) async throws {
    if let url = options.named("DATABASE_URL") {
      return try update { $0.database = LabState.Server(url: url, isPrivate: false) }
    }
    try await step("PostgreSQL") { try await startPrivateDatabase() }
  }

  func startPrivateDatabase() async throws {
    let server = try await PrivatePostgres.start(
      in: folder.path, log: folder.log(of: .postgres), onProcess: observer(.postgres))
    try update { $0.database = LabState.Server(url: server.url, isPrivate: true) }
    try note(.postgres, port: server.port)
  }

  func startInstalledKafka(partitions: Int, environment: [String: String]) async throws {
    let server = try await PrivateKafka.start(
      in: folder.path, log: folder.log(of: .kafka), environment: environment, onProcess: observer(.kafka))
    try update { $0.log = LabState.Log(brokers: server.brokers, kind: .installed, partitions: partitions) }
    try note(.kafka, port: server.port)
  }

  private func startRedis(_ options: UpOptions) async throws {
    if let url = options.named("REDIS_URL") {
      let authorities = options.named("REDIS_CA")
      return try update {
        $0.redis = LabState.Server(url: url, isPrivate: false, authorities: authorities)
      }
    }
    try await step("Redis") {
      let server = try await PrivateRedis.start(
        in: folder.path, durability: options.redisDurability ?? .everySecond,
        user: try redisUser(options), log: folder.log(of: .redis),
        onProcess: observer(.redis))
      try update { $0.redis = LabState.Server(url: server.url, isPrivate: true) }
      try note(.redis, port: server.port)
    }
  }

  private func startLog(_ options: UpOptions) async throws {
    let partitions = options.partitions
    if let brokers = options.named("KAFKA_BROKERS") {
      var reader = SettingsReader(environment: options.environment, arguments: [])
      var log = LabState.Log(brokers: brokers, kind: .named, partitions: partitions)
      do { log.security = try KafkaSecurity(&reader) } catch { throw LabFailure("\(error)") }
      return try update { $0.log = log }
    }
    if options.installedKafka {
      return try await step("Kafka") {
        try await startInstalledKafka(partitions: partitions, environment: options.environment)
      }
    }
    try await step("the embedded broker") {
      try update { $0.log = LabState.Log(brokers: "", kind: .embedded, partitions: partitions) }
      let brokers = try await startProgram(.kafka, options).brokers ?? ""
      try update { $0.log = LabState.Log(brokers: brokers, kind: .embedded, partitions: partitions) }
      try note(.kafka, port: brokers.split(separator: ":").last.flatMap { Int($0) } ?? 0)
      try await fillEmbeddedLog()
    }
  }

  private func startPrograms(_ options: UpOptions) async throws {
    try await step("tables and rights") { try await giveRights(options) }
    for part in options.parts {
      try await step(part.rawValue) {
        try note(part, try await startProgram(part, options), on: options.listen[part])
      }
    }
    try await step("readiness") { try await awaitReadiness(of: options.parts, within: options.readyWithin) }
  }

  /// One phase of the start: its name, what became of it and how long it took.
  private func step(_ name: String, _ body: @LoopActor () async throws -> Void) async throws {
    try interrupt.check()
    let progress = PhaseProgress("lab up: \(name)")
    do { try await body() } catch {
      progress.abandon()
      throw error
    }
    progress.end("ready")
  }
}
