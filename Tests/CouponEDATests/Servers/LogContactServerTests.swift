import CouponStore
import EventLoop
import Foundation
import HTTP
import Kafka
import PrivateServers
import TestSupport
import Testing

extension EDATests {
  /// What programs say while their contact to the log is cut or another log stands in its place.
  @Suite(.limited) struct LogContactServers {
    /// What another process has made since cannot be known.
    @Test(.timeLimit(.minutes(4))) func cutOffNobodyHearsThatSomethingDoesNotExist() async throws {
      try await onLoop {
        let stage = try await Stage()
        let api = try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 3)
        let crowd = Crowd(policy: policy)
        await crowd.ask(["ann"], of: stage)
        let unknown = "/v1/policies/\(policy + 77)"
        try await eventually("404 with contact") { try await api.client.status(unknown) == 404 }
        let (ann, bob) = ("ann", "bob")
        @LoopActor func mine(_ person: String) async throws -> Int {
          let request = HTTPRequest(
            .get, "/v1/policies/\(policy)/coupons/me", headers: [("X-User-Id", person)])
          return try await api.client.send(request, deadline: .now + .seconds(5)).status
        }
        #expect(try await mine(bob) == 404)
        stage.broker.down()
        try await eventually("503 without", within: .seconds(20)) {
          try await api.client.status(unknown) == 503
        }
        for _ in 0..<10 {
          #expect(try await api.client.status(unknown) == 503)
          #expect(try await mine(bob) == 503)
          await EventLoop.shared.sleep(for: .milliseconds(100))
        }
        #expect(try await mine(ann) == 200)
        #expect(try await api.client.status("/v1/policies/\(policy)") == 200)
        let create = HTTPRequest(
          .post, "/admin/policies", headers: [("Authorization", "Bearer \(Stage.token)")],
          body: Array(Midday.policy(quota: 1, perPerson: "once").utf8))
        #expect(try await api.admin.send(create, deadline: .now + .seconds(10)).status == 503)
        #expect(api.process.log.contains("127.0.0.1"), "\(api.process.log)")
        stage.broker.up()
        try await eventually("404 again") { try await api.client.status(unknown) == 404 }
        await stage.end()
      }
    }

    /// The reason is in the log, not only in a counter.
    @Test(.timeLimit(.minutes(4))) func aProducerThatIsRefusedSaysWhy() async throws {
      try await onLoop {
        let stage = try await Stage()
        let api = try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 3)
        stage.broker.fail(.produce, with: .messageTooLarge, count: 1_000)
        let asked = HTTPRequest(.post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", "a")])
        let answer = try await api.client.send(asked, deadline: .now + .seconds(5))
        #expect(answer.status == 503 && answer.object["code"] as? String == "outcome-unknown")
        try await eventually("a line") {
          api.process.log.split(separator: "\n").contains {
            $0.contains("does not take what is sent") && $0.contains("too large")
          }
        }
        stage.broker.clear(.produce)
        let crowd = Crowd(policy: policy)
        await crowd.ask(["b", "c"], of: stage)
        try await eventually("and its end") { api.process.log.contains("was=\"Kafka does not take") }
        await stage.end()
      }
    }

    @Test(.timeLimit(.minutes(4))) func theLagOfAPartitionIsItsWorkersAlone() async throws {
      try await onLoop {
        let stage = try await Stage()
        let workers = [try stage.process("worker", [:])]
        @LoopActor func clientOf(_ worker: EDAProcess) async throws -> HTTPClient {
          HTTPClient(
            HTTPClientConfiguration(
              address: SocketAddress(numericHost: "127.0.0.1", port: try await worker.ports().port)))
        }
        @LoopActor func lags(_ client: HTTPClient) async throws -> Int {
          let answer = try? await client.send(HTTPRequest(.get, "/metrics"), deadline: .now + .seconds(5))
          return String(decoding: answer?.body ?? [], as: UTF8.self).split(separator: "\n").count {
            $0.hasPrefix("coupon_consumer_lag{")
          }
        }
        let first = try await clientOf(workers[0])
        try await eventually("all partitions") { try await lags(first) == Stage.partitions }
        let other = try stage.process("worker", [:])
        let second = try await clientOf(other)
        try await eventually("each has its own") {
          let (a, b) = (try await lags(first), try await lags(second))
          return a > 0 && b > 0 && a + b == Stage.partitions
        }
        for client in [first, second] { client.close() }
        for worker in workers + [other] { _ = await worker.end() }
        await stage.end()
      }
    }
  }

  /// On a real broker: the embedded one cannot delete a topic.
  @Suite(.enabled { try await onLoop { PrivateKafka.isInstalled } }, .limited)
  struct TopicMadeAnew {
    @Test(.timeLimit(.minutes(4))) func whileProgramsRunIsNoticed() async throws {
      try await onLoop {
        let kafka = try await PrivateKafka.start(
          in: try TestServers.folder(), onProcess: try TestServers.observer(signal: "KILL"))
        let stage = try await Stage(settings: ["KAFKA_BROKERS": kafka.brokers])
        let worker = try stage.process("worker", [:])
        let api = try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 3)
        let crowd = Crowd(policy: policy)
        await crowd.ask(people(3), of: stage)
        try await eventually("the rows are there") { try await stage.rows(of: policy).count == 3 }
        let admin = try KafkaAdmin(
          configuration: KafkaConfiguration(brokers: kafka.brokers, clientID: "test"))
        let soon = Instant.now + .seconds(30)
        try await admin.deleteTopic(stage.topic, deadline: soon)
        try await eventually("it is gone") {
          try await admin.describe(stage.topic, deadline: soon).topic == nil
        }
        try await eventually("it is made anew") {
          (try? await admin.createTopic(
            stage.topic, partitions: Stage.partitions, settings: LogTopic.settings(replicas: 1),
            deadline: soon)) != nil
        }
        // Grown past what was read of the old one.
        let sent = Completion<Void>()
        var acknowledged = 0
        let producer = try KafkaProducer(
          configuration: KafkaConfiguration(brokers: kafka.brokers, clientID: "test")
        ) { _, _ in
          acknowledged += 1
          if acknowledged == 40 { sent.succeed(()) }
        }
        for id in 0..<40 {
          try producer.produce(
            topic: stage.topic, partition: Int32(id % Stage.partitions), key: [], value: [UInt8(id)],
            id: UInt64(id))
        }
        try await sent.value(deadline: soon)
        #expect(await worker.child.exit() == .code(1), "\(worker.log)")
        try await eventually("the api is not ready") {
          try await api.client.status("/readyz?for=coupons") == 503
        }
        // No partition is written any more, the empty ones neither.
        for id in (policy + 1)...(policy + 8) {
          let body = Midday.policy(quota: 1, perPerson: "once").replacing(
            "{", with: "{\"policyId\":\(id),", maxReplacements: 1)
          let create = HTTPRequest(
            .post, "/admin/policies", headers: [("Authorization", "Bearer \(Stage.token)")],
            body: Array(body.utf8))
          #expect(try await api.admin.send(create, deadline: .now + .seconds(10)).status == 503)
        }
        await producer.close(deadline: soon)
        await admin.close()
        await stage.end()
        await kafka.stop()
      }
    }
  }
}
