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
