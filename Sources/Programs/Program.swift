package import EventLoop
import Foundation
package import Faults
package import Operations

/// What every part of a program needs: log, metrics and fault switches.
package struct ProgramContext: Sendable {
  package let log: Log
  package let metrics: Metrics
  /// The fault switches; nil without the operator's listener.
  package private(set) var faults: FaultBoard?

  package init(log: Log, metrics: Metrics) { (self.log, self.metrics) = (log, metrics) }

  /// The same with switches for these servers, if the operator's listener is enabled.
  @LoopActor
  package func switchable(_ targets: [FaultTarget], by admin: AdminSettings) -> ProgramContext {
    guard admin.listener != nil else { return self }
    var context = self
    context.faults = FaultBoard(targets: targets, log: log, metrics: metrics)
    return context
  }

  /// What a wire module asks before each use of this server; nil without switches.
  @LoopActor
  package func seam(_ target: FaultTarget) -> (any CallSeam)? { faults.map { SwitchedServer($0, target) } }
}

extension ProgramContext {
  /// Adds the strategy to the metrics.
  @LoopActor
  package func tell(strategy: String) {
    metrics.gauge(
      "coupon_strategy_info", help: "How a coupon is decided.", labels: [MetricLabel("strategy", strategy)]
    ).value = 1
  }
}

/// Runs any server program, from the command line to the exit code.
package enum Program {
  /// Reads the settings, creates the application and runs it on this thread.
  ///
  /// - Parameters:
  ///   - arguments: the flags, without the program's name or subcommand.
  ///   - signals: those that end the program.
  ///   - make: creates the application from the settings; tests call the same function. A `SettingsError`
  ///     that it throws ends the program like an invalid setting.
  /// - Returns: 0; 1 if the program could not start or continue; 2 for a missing, unknown or invalid setting.
  package static func run<Settings: ProgramSettings>(
    _ name: String, summary: String, settings: Settings.Type, arguments: [String],
    until signals: [Int32] = [SIGTERM, SIGINT],
    _ make: @escaping @Sendable @LoopActor (Settings, ProgramContext) throws -> Application
  ) -> Int32 {
    perform(name, summary: summary, settings: settings, arguments: arguments) { values, context in
      try await make(values, context).run(until: signals)
    }
  }

  /// Reads the settings and does one thing with them.
  ///
  /// - Returns: what `body` returns; 1 if it throws; 2 for a missing, unknown or invalid setting.
  package static func perform<Settings: ProgramSettings>(
    _ name: String, summary: String, settings: Settings.Type, arguments: [String],
    _ body: @escaping @Sendable @LoopActor (Settings, ProgramContext) async throws -> Int32
  ) -> Int32 {
    if arguments.contains("--help") || arguments.contains("-h") {
      print(Settings.help(program: name, summary: summary), terminator: "")
      return 0
    }
    let values: Settings
    do {
      values = try Settings.read(environment: ProcessInfo.processInfo.environment, arguments: arguments)
    } catch { return complain(name, error, code: 2) }
    // Most systems start with fewer descriptors than MAX_CONNECTIONS.
    _ = Platform.raiseDescriptorLimit()
    return EventLoop.shared.run {
      let output = LogOutput()
      defer { output.flush(patience: 500) }
      let context = ProgramContext(
        log: Log(program: name, level: values.logLevel, output: output), metrics: Metrics())
      ProcessFigures.register(in: context.metrics)
      do {
        return try await body(values, context)
      } catch {
        return complain(name, error, code: error is SettingsError ? 2 : 1)
      }
    }
  }

  private static func complain(_ name: String, _ error: any Error, code: Int32) -> Int32 {
    FileHandle.standardError.write(Data("\(name): \(error)\n".utf8))
    return code
  }
}
