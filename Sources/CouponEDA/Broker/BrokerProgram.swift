import EventLoop
import Foundation
import Kafka
package import Operations
import Programs

/// `eda broker`: librdkafka's own mock cluster in a process of its own. What it keeps is gone when it ends.
enum BrokerProgram {
  static let name = "eda broker"

  /// - Parameter isSupervised: `eda all` reads the address from standard output, one line.
  static func run(_ arguments: [String], until signals: [Int32], isSupervised: Bool) -> Int32 {
    if arguments.contains("--help") || arguments.contains("-h") {
      print(
        BrokerSettings.help(program: name, summary: "an embedded Kafka broker, in memory"), terminator: "")
      return 0
    }
    let settings: BrokerSettings
    do {
      settings = try BrokerSettings.read(
        environment: ProcessInfo.processInfo.environment, arguments: arguments)
    } catch { return complain(error, code: 2) }
    return EventLoop.shared.run {
      let output = LogOutput()
      defer { output.flush(patience: 500) }
      let log = Log(program: name, level: settings.logLevel, output: output)
      let ended = Completion<Void>()
      let signals = signals.map { EventLoop.shared.onSignal($0) { ended.succeed(()) } }
      do {
        let broker = try KafkaMockBroker(topic: settings.topic, partitions: settings.partitions)
        let port = broker.bootstrapServers.split(separator: ":").last.map(String.init) ?? ""
        log.info("listening", ["brokers": broker.bootstrapServers, "topic": settings.topic, "port": port])
        if isSupervised { FileHandle.standardOutput.write(Data("\(broker.bootstrapServers)\n".utf8)) }
        if let path = settings.readyFile {
          try ReadyFile.write(name, ["brokers": "\"\(broker.bootstrapServers)\""], to: path)
        }
        _ = try? await ended.value()
        log.info("stopping")
        await broker.close()
      } catch { return complain(error, code: 1) }
      for signal in signals { signal.stop() }
      return 0
    }
  }

  private static func complain(_ error: any Error, code: Int32) -> Int32 {
    FileHandle.standardError.write(Data("\(name): \(error)\n".utf8))
    return code
  }
}

/// What `eda broker` is told.
package struct BrokerSettings: ProgramSettings {
  let topic: String
  let partitions: Int
  let readyFile: String?
  package let logLevel: LogLevel

  package init(_ reader: inout SettingsReader) throws(SettingsError) {
    topic = try reader.text("KAFKA_TOPIC", default: "TimeAttackCouponIssue", "The log.")
    partitions = try reader.integer(
      "KAFKA_PARTITIONS", default: 8, in: 1...1_024, unit: "partitions", "How many partitions the log has.")
    readyFile = try ReadyFile.setting(&reader)
    logLevel = try LogLevel(&reader)
  }
}
