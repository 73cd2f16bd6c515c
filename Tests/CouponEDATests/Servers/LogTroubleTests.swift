import TestSupport
import CouponStore
import EventLoop
import Foundation
import HTTP
import Kafka
import Postgres
import PrivateServers
import Testing

extension EDATests {
  /// Kafka, the database and the log itself in trouble.
  @Suite(.limited) struct LogTrouble {
    /// R18: Redis has admitted everybody it will, Kafka is away: nobody hears "sold out", and nothing is lost.
    @Test(.timeLimit(.minutes(4))) func withKafkaAwayNobodyHearsSoldOut() async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 20)
        stage.broker.down()
        let crowd = Crowd(policy: policy)
        let surge = EventLoop.shared.spawn { await crowd.ask(people(80), of: stage, within: .seconds(60)) }
        try await eventually("everybody has heard of trouble") { crowd.troubles >= 80 }
        #expect(crowd.answered == 0)
        stage.broker.up()
        await surge.value
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 20, people: 80)
        await stage.end()
      }
    }

    /// R19: the database is down when the API starts; a policy is created, a day sells out, and it becomes durable.
    @Test(.timeLimit(.minutes(4))) func withoutADatabaseTheDaySellsOut() async throws {
      try await onLoop {
        let postgres = try await TestServers.ownPostgres()
        let stage = try await Stage(postgres: postgres)
        await postgres.stop()
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 25)
        let crowd = Crowd(policy: policy)
        await crowd.ask(people(100), of: stage)
        #expect(crowd.winners.count == 25 && crowd.refused.count == 75)
        try await postgres.restart()
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 25, people: 100)
        await stage.end()
        await postgres.stop()
      }
    }

    @Test(.timeLimit(.minutes(4))) func theDatabaseAwayMidSurgeOnlyDelays() async throws {
      try await onLoop {
        let postgres = try await TestServers.ownPostgres()
        let stage = try await Stage(postgres: postgres)
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 100)
        try await stage.waitForLag0()
        let crowd = Crowd(policy: policy)
        let surge = EventLoop.shared.spawn { await crowd.ask(people(300), of: stage) }
        try await eventually("the surge has begun") { crowd.winners.count >= 20 }
        await postgres.kill()
        await surge.value
        #expect(crowd.winners.count == 100 && crowd.troubles == 0)
        try await postgres.restart()
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 100, people: 300)
        await stage.end()
        await postgres.stop()
      }
    }

    @Test(.timeLimit(.minutes(4))) func poisonIsADeadLetterAndLagReaches0() async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 3)
        let poison: [[UInt8]] = [
          [], Array("{".utf8), Array(#"{"policyId":1,"userId":"\u0000"}"#.utf8),
          [UInt8](repeating: 65, count: 900_000),
        ]
        for message in poison { try await stage.publish(message, forPolicy: policy) }
        let crowd = Crowd(policy: policy)
        await crowd.ask(people(8), of: stage)
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 3, people: 8)
        let letters = try await AuditSQL.deadLetters(
          topic: stage.topic, in: stage.pool, deadline: .now + .seconds(10))
        #expect(letters.count == poison.count)
        let longest = try await stage.pool.query(
          PostgresStatement("SELECT max(octet_length(payload)) FROM dead_letter"), [],
          deadline: .now + .seconds(10))
        #expect(longest.int(0, 0) == Int64(BatchRecord.maximumDeadLetterBytes))
        await stage.end()
      }
    }

    @Test(.timeLimit(.minutes(4))) func anUnknownVersionStopsEveryReader() async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker()
        let api = try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 3)
        let future = #"{"type":"CouponIssued","version":99,"policyId":\#(policy)}"#
        try await stage.publish(Array(future.utf8), forPolicy: policy)
        let worker = try #require(stage.worker)
        #expect(await worker.child.exit() == .code(1))
        #expect(worker.log.contains("level=error") && worker.log.contains("version"))
        try await eventually("the api is not ready") {
          let answer = try await api.client.send(
            HTTPRequest(.get, "/readyz?for=coupons"), deadline: .now + .seconds(5))
          return answer.status == 503
        }
        let asked = HTTPRequest(.post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", "a")])
        let answer = try await api.client.send(asked, deadline: .now + .seconds(5))
        #expect(answer.status == 503 && answer.object["code"] as? String == "unavailable")
        await stage.end()
      }
    }

    /// The tables are put back to before everything while the worker runs, and nobody comes any more: the worker notices
    /// by itself.
    @Test(.timeLimit(.minutes(4))) func tablesThatWentBackAreFilledAgainWithoutANewMessage() async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 3)
        let crowd = Crowd(policy: policy)
        await crowd.ask(people(5), of: stage)
        try await stage.waitForLag0()
        let soon = Instant.now + .seconds(20)
        _ = try await stage.pool.query(
          PostgresStatement("DROP SCHEMA \(Schema.eda.name) CASCADE"), deadline: soon)
        try await Schema.eda.prepare(stage.pool, deadline: soon)
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 3, people: 5)
        #expect(stage.worker?.log.contains("gone back in time") == true)
        await stage.end()
      }
    }

    /// Every claim would look like a forgery to it.
    @Test(.timeLimit(.minutes(4))) func anotherKeyIsRefused() async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 9)
        let crowd = Crowd(policy: policy)
        await crowd.ask(people(3), of: stage)
        try await stage.waitForLag0()
        await stage.killWorker()
        for subcommand in ["worker", "api"] {
          let process = try stage.process(subcommand, ["COUPON_KEY": "another-key-of-the-tests"])
          let limit = EventLoop.shared.schedule(after: .seconds(20)) { process.child.signal(SIGKILL) }
          if subcommand == "worker" { await crowd.ask(people(6), of: stage) }
          #expect(await process.child.exit() == .code(1), "\(subcommand)")
          limit.cancel()
          let complaints = process.log.split(separator: "\n").filter { $0.contains("level=error") }
          #expect(complaints.contains { $0.contains("COUPON_KEY") }, "\(process.log)")
        }
        try stage.startWorker()
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 9, people: 6)
        let letters = try await stage.pool.query(
          PostgresStatement("SELECT count(*) FROM dead_letter"), [], deadline: .now + .seconds(10))
        #expect(letters.int(0, 0) == 0)
        await stage.end()
      }
    }

    /// R20: the topic was made anew; neither program goes on with it.
    @Test(.timeLimit(.minutes(4))) func anotherLogIsRefused() async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 3)
        let crowd = Crowd(policy: policy)
        await crowd.ask(people(5), of: stage)
        try await stage.waitForLag0()
        let other = try KafkaMockBroker(topic: stage.topic, partitions: Stage.partitions)
        for subcommand in ["api", "worker"] {
          let process = try stage.process(subcommand, ["KAFKA_BROKERS": other.bootstrapServers])
          #expect(await process.child.exit() == .code(1))
          let complaints = process.log.split(separator: "\n").filter { $0.contains("level=error") }
          #expect(complaints.count == 1 && complaints.first?.contains(stage.topic) == true, "\(process.log)")
        }
        let partitions = try stage.process("api", ["KAFKA_PARTITIONS": "3"])
        #expect(await partitions.child.exit() == .code(1))
        #expect(partitions.log.contains("KAFKA_PARTITIONS"))
        await other.close()
        await stage.end()
      }
    }
  }
}
