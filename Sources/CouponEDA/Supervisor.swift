import EventLoop
import Foundation
import Kafka
import Operations

/// `eda all`: broker, worker and api as children of one process, for a laptop. When one ends, all end.
///
///     SIGTERM, SIGINT ─▶ api (answers what is in flight) ─▶ lag 0 ─▶ worker ─▶ broker
///
/// A Ctrl-C goes to the children as well: they leave it to this process.
@LoopActor
final class Supervisor {
  private let environment: [String: String]
  private var children: [(name: String, process: ChildProcess)] = []
  private let ended = Completion<Int32>()
  /// The address of the embedded broker, if this process started one. At its end it loses what the worker has not written.
  private var embeddedBrokers: String?

  /// How long the worker may take for what is left.
  private static let patience = Duration.seconds(30)

  private init(_ environment: [String: String]) { self.environment = environment }

  nonisolated static func run(_ arguments: [String]) -> Int32 {
    if arguments.contains("--help") || arguments.contains("-h") {
      print(help, terminator: "")
      return 0
    }
    guard arguments.isEmpty else {
      FileHandle.standardError.write(Data("eda all: takes its settings from the environment\n".utf8))
      return 2
    }
    let environment = ProcessInfo.processInfo.environment
    if let objection = securityObjection(environment) {
      FileHandle.standardError.write(Data("eda all: \(objection)\n".utf8))
      return 2
    }
    return EventLoop.shared.run { await Supervisor(environment).supervise() }
  }

  /// The broker of our own speaks plaintext and asks nobody for a login: what is to protect another one would protect nothing.
  private nonisolated static func securityObjection(_ environment: [String: String]) -> String? {
    guard environment["KAFKA_BROKERS"]?.isEmpty ?? true else { return nil }
    var reader = SettingsReader(environment: environment, arguments: [])
    do throws(SettingsError) {
      guard try KafkaSecurity(&reader) != .none else { return nil }
      return
        "KAFKA_SECURITY_PROTOCOL is for brokers that KAFKA_BROKERS names, and it names none; the embedded "
        + "broker speaks plaintext: name brokers, or unset it"
    } catch { return error.description }
  }

  private nonisolated static let help = """
    eda all: a broker (unless KAFKA_BROKERS is set), a worker and an api in one process group

    Settings come from the environment: those of eda api, eda worker and eda broker (see their --help). HTTP_PORT,
    ADMIN_PORT and READY_FILE are the api's; the worker's operator listener has the next port, its public one 8083.

    """

  private func supervise() async -> Int32 {
    let signals = [SIGTERM, SIGINT].map { EventLoop.shared.onSignal($0) { self.ended.succeed(0) } }
    var code: Int32 = 1
    do {
      if let brokers = try await brokers() {
        try start("worker", workerEnvironment(brokers))
        try start("api", apiEnvironment(brokers))
      }
      code = (try? await ended.value()) ?? 1
    } catch {
      FileHandle.standardError.write(Data("eda all: \(error)\n".utf8))
    }
    await stopAll()
    for signal in signals { signal.stop() }
    return code
  }

  // MARK: - Children

  @discardableResult
  private func start(
    _ name: String, _ environment: [String: String], output: ChildProcess.Output = .inherit
  ) throws -> ChildProcess {
    let executable = Bundle.main.executablePath ?? CommandLine.arguments[0]
    let child = try ChildProcess.start(
      ChildProcess.Options(executable, [name, EDA.supervised], environment: environment, output: output))
    children.append((name, child))
    EventLoop.shared.spawn {
      let status = await child.exit()
      guard !self.ended.isDone else { return }
      FileHandle.standardError.write(Data("eda all: \(name) ended with \(status)\n".utf8))
      if case .code(let code) = status, code != 0 { self.ended.succeed(code) } else { self.ended.succeed(1) }
    }
    return child
  }

  private func stopAll() async {
    ended.succeed(0)
    for (name, child) in children.reversed() {
      if name == "worker" { await awaitLagZero(of: child) }
      child.signal(SIGTERM)
      let patience = EventLoop.shared.schedule(after: .seconds(15)) { child.signal(SIGKILL) }
      _ = await child.exit()
      patience.cancel()
    }
  }

  private func awaitLagZero(of worker: ChildProcess) async {
    guard let embeddedBrokers,
      let lag = EmbeddedLag(workerEnvironment(embeddedBrokers))
    else { return }
    let deadline = Instant.now + Supervisor.patience
    var missing: Int64?
    while missing != 0, Instant.now < deadline, worker.isRunning,
      children.first?.process.isRunning ?? false
    {
      missing = await lag.read()
      if missing != 0 { await EventLoop.shared.sleep(for: .milliseconds(50)) }
    }
    await lag.close()
    guard missing != 0 else { return }
    let words = missing.map { "\($0) entries of the log are" } ?? "it is not known what of the log is"
    FileHandle.standardError.write(Data("eda all: \(words) not in the database\n".utf8))
  }

  /// The named brokers, or those of a broker of our own; nil when a child or a signal ended the start.
  private func brokers() async throws -> String? {
    if let named = environment["KAFKA_BROKERS"], !named.isEmpty { return named }
    var values = environment
    values["READY_FILE"] = nil
    let broker = try start("broker", values, output: .captureOutput(limit: 4_096))
    while !ended.isDone {
      if let end = broker.captured.firstIndex(of: UInt8(ascii: "\n")) {
        embeddedBrokers = String(decoding: broker.captured[..<end], as: UTF8.self)
        return embeddedBrokers
      }
      await EventLoop.shared.sleep(for: .milliseconds(10))
    }
    return nil
  }

  // MARK: - Who listens where

  private func apiEnvironment(_ brokers: String) -> [String: String] {
    var values = environment
    values["KAFKA_BROKERS"] = brokers
    if let admin = workerAdminPort, admin > 0, values["ADMIN_PEERS"] == nil {
      values["ADMIN_PEERS"] = "127.0.0.1:\(admin)"
    }
    return values
  }

  private func workerEnvironment(_ brokers: String) -> [String: String] {
    var values = environment
    values["KAFKA_BROKERS"] = brokers
    // Where the api takes any free port, so does the worker.
    if values["HTTP_PORT"] != "0" { values["HTTP_PORT"] = nil }
    values["SHARE_PORT"] = nil
    values["READY_FILE"] = nil
    values["ADMIN_PEERS"] = nil
    values["ADMIN_PORT"] = workerAdminPort.map(String.init)
    return values
  }

  private var workerAdminPort: Int? {
    environment["ADMIN_PORT"].flatMap { Int($0) }.map { $0 == 0 ? 0 : $0 + 1 }
  }
}
