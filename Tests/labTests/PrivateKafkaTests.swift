import TestSupport
import EventLoop
import Foundation
import PrivateServers
import Testing

/// Where a Kafka is installed: `KAFKA_HOME`, or `kafka-server-start` on the path.
@Suite(.enabled(if: PrivateKafka.isInstalled, "no Kafka is installed"), .limited)
struct PrivateKafkaTests {
  @Test func itSaysItsVersion() async throws {
    try await onLoop {
      let version = try #require(await PrivateKafka.version())
      #expect(version.split(separator: ".").count >= 2, "\(version)")
    }
  }

  @Test func itStartsIsKilledAndStartsAgainOverItsData() async throws {
    try await onLoop {
      let folder = try TestServers.folder()
      let server = try await PrivateKafka.start(
        in: folder, onProcess: try TestServers.observer(signal: "KILL"))
      #expect(server.isRunning)
      let brokers = server.brokers
      await server.kill()
      #expect(!server.isRunning)
      try await server.restart()
      #expect(server.brokers == brokers)
      await server.stop()
      #expect(!server.isRunning)
    }
  }
}

extension PrivateKafkaTests {
  /// A folder that Kafka reads another name from would outlive `lab reset`.
  @Test func itKeepsItsDataInAFolderWithAStrangeName() async throws {
    try await onLoop {
      let root = try TestServers.folder()
      let folder = root + "/" + PrivateServerTests.strangeName
      let server = try await PrivateKafka.start(
        in: folder, environment: ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 },
        onProcess: try TestServers.observer(signal: "KILL"))
      #expect(server.isRunning)
      let files = try FileManager.default.contentsOfDirectory(atPath: folder + "/kafka/data")
      #expect(files.contains("meta.properties"), "\(files)")
      await server.stop()
      #expect(try FileManager.default.contentsOfDirectory(atPath: root).count == 1)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/kafka").contains("data"))
    }
  }

  /// What Java or Kafka's scripts would read from the user's environment is the user's own Kafka's.
  @Test func theUsersSettingsOfJavaAreNotItsOwn() async throws {
    try await onLoop {
      let server = try await PrivateKafka.start(
        in: try TestServers.folder(),
        environment: ProcessInfo.processInfo.environment.merging([
          "JAVA_TOOL_OPTIONS": "-Xnonsense", "KAFKA_OPTS": "-Xnonsense", "JMX_PORT": "1",
        ]) { $1 }, onProcess: try TestServers.observer(signal: "KILL"))
      #expect(server.isRunning)
      let environment = FileManager.default.contents(atPath: "/proc/\(server.pid)/environ") ?? Data()
      for name in ["JAVA_TOOL_OPTIONS", "KAFKA_OPTS", "JMX_PORT"] {
        #expect(!String(decoding: environment, as: UTF8.self).contains(name))
      }
      await server.stop()
    }
  }
}

@Suite(.limited) struct FindingKafkaTests {
  @Test func aHomeWithoutKafkaIsNamed() async throws {
    try await onLoop {
      #expect(await PrivateKafka.version(["KAFKA_HOME": "/nowhere"]) == nil)
      let folder = try TestServers.folder()
      let error = await #expect(throws: ServerFailure.self) {
        _ = try await PrivateKafka.start(
          in: folder, environment: ["KAFKA_HOME": "/nowhere", "PATH": "/nowhere"])
      }
      #expect(error?.description.contains("KAFKA_HOME=/nowhere holds no bin/kafka-server-start.sh") ?? false)
      let missing = await #expect(throws: ServerFailure.self) {
        _ = try await PrivateKafka.start(in: folder, environment: ["PATH": "/nowhere"])
      }
      #expect(missing?.description.hasPrefix("no installed Kafka") ?? false)
    }
  }
}
