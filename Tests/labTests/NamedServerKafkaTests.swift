import TestSupport
import EventLoop
import Foundation
import PrivateServers
import Testing

/// Servers that the user has named and that several laboratories share. With a real Kafka where the tests are told of one
/// (`TEST_KAFKA_BROKERS`), else with an embedded broker each.
@Suite(.limited) struct NamedServerKafkaTests {
  private static let brokers = ProcessInfo.processInfo.environment["TEST_KAFKA_BROKERS"].flatMap {
    $0.isEmpty ? nil : $0
  }

  @Test func twoLaboratoriesOnTheSameServersDoNotMeet() async throws {
    try await onLoop {
      let (postgres, redis) = (try await TestServers.postgres(), try await TestServers.ownRedis())
      var environment = [
        "DATABASE_URL": try await postgres.createDatabase("shared_labs"), "REDIS_URL": redis.url,
      ]
      environment["KAFKA_BROKERS"] = NamedServerKafkaTests.brokers
      let named = NamedServerKafkaTests.brokers == nil ? ["kafka"] : []
      let (first, second) = (try LabProcess(), try LabProcess())
      for lab in [first, second] {
        try await lab.up(environment: environment)
        let parts = try #require(lab.state?.parts)
        #expect(parts.map(\.part) == named + ["monolith", "eda-worker", "eda-api"])
        #expect(try await lab.run("policy", "create", "--quota", "1").code == 0)
        for part in parts where ["monolith", "eda-api"].contains(part.part) {
          #expect(try await ask(part, for: ["ann", "bob"]) == [201, 409])
        }
      }
      let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname ~ '^(eda|monolith)_[0-9a-f]{8}$'"
      #expect(try await psql(postgres, database: "shared_labs", schemas) == "4")
      #expect(try await keys(redis) == 2)
      #expect(try await first.run("reset").code == 0)
      #expect(try await psql(postgres, database: "shared_labs", schemas) == "2")
      #expect(try await keys(redis) == 1)
      let api = try #require(second.state?.parts.first { $0.part == "eda-api" })
      #expect(try await ask(api, for: ["ann", "cid"]) == [200, 409])
      #expect(try await second.run("down").code == 0)
      #expect(try await second.run("reset").code == 0)
      #expect(try await psql(postgres, database: "shared_labs", schemas) == "0")
      #expect(try await keys(redis) == 0)
      await redis.stop()
    }
  }

  /// How many keys laboratories have in Redis.
  @LoopActor
  private func keys(_ server: PrivateRedis) async throws -> Int {
    try await redis(server, "KEYS", "lab*:timeattack:*").split(separator: "\n").filter { !$0.isEmpty }.count
  }
}
