import EventLoop
import Foundation
import Kafka
import TestSupport
import Testing

@Suite("Administration", .limited)
struct AdminTests {
  @Test("describes a topic and its watermarks", arguments: TestBroker.available)
  func describes(broker: TestBroker) async throws {
    try await withTopic(broker, partitions: 8) { topic in
      try await topic.fill(partition: 3, count: 5)
      let admin = try KafkaAdmin(configuration: topic.configuration)
      let cluster = try await admin.describe(topic.name, deadline: soon)
      #expect(
        cluster.topic
          == KafkaTopic(
            name: topic.name, partitions: 8, replicas: 1, leaderless: 0, inSync: 1, isWhole: true))
      #expect(cluster.isMock == (broker == .mock))
      #expect(cluster.brokers >= 1)
      let marks = try await admin.watermarks(of: topic.name, partition: 3, deadline: soon)
      #expect(marks == KafkaWatermarks(low: 0, high: 5))
      #expect(try await admin.watermarks(of: topic.name, partition: 4, deadline: soon).high == 0)
      let all = try await admin.watermarks(of: topic.name, partitions: 8, patience: .seconds(20))
      #expect(all.map(\.high) == [0, 0, 0, 5, 0, 0, 0, 0])
      let some = try await admin.watermarks(of: topic.name, partitions: [4, 3], patience: .seconds(20))
      #expect(some == [KafkaWatermarks(low: 0, high: 0), KafkaWatermarks(low: 0, high: 5)])
      await #expect(throws: KafkaError.self) {
        try await admin.watermarks(of: topic.name, partitions: 9, patience: .seconds(2))
      }
      await admin.close()
    }
  }

  @Test("computes the lag of next offsets behind the log")
  func lag() {
    let marks = [(0, 5), (2, 7), (0, 0), (0, 3)].map { KafkaWatermarks(low: $0, high: $1) }
    #expect(marks.lag(behind: [:]) == 15)
    #expect(marks.lag(behind: [0: 5, 1: 4, 3: 3]) == 3)
    // A reader is never ahead, whatever a log that was made anew says.
    #expect(marks.lag(behind: [0: 9, 1: 7, 3: 3]) == 0)
  }

  @Test("knows what a group has committed, without joining it", arguments: TestBroker.available)
  func committed(broker: TestBroker) async throws {
    try await withTopic(broker, partitions: 3) { topic in
      for partition in 0..<3 { try await topic.fill(partition: Int32(partition), count: 10) }
      let (group, ours) = ("group-\(UUID().uuidString)", Gathered<Int32>())
      let admin = try KafkaAdmin(configuration: topic.configuration)
      #expect(
        try await admin.committed(by: group, of: topic.name, partitions: 3, deadline: soon).isEmpty)
      let consumer = try KafkaGroupConsumer(
        configuration: topic.configuration, group: group, topic: topic.name, options: topic.groupOptions,
        onRebalance: { if case .assigned(let list) = $0 { ours.add(list) } }, onProblem: { _ in })
      try consumer.start()
      try await ours.wait(for: 3)
      try await consumer.commit([0: 4, 2: 10]).value(deadline: soon)
      let told = try await admin.committed(by: group, of: topic.name, partitions: 3, deadline: soon)
      #expect(told == [0: 4, 2: 10])
      await consumer.close(deadline: soon)
      await admin.close()
    }
  }

  @Test("reads the first message of a partition, or none", arguments: TestBroker.available)
  func firstMessage(broker: TestBroker) async throws {
    try await withTopic(broker, partitions: 2) { topic in
      try await topic.fill(partition: 1, count: 5, from: 40)
      let admin = try KafkaAdmin(configuration: topic.configuration)
      for _ in 0..<2 {
        let first = try await admin.firstMessage(of: topic.name, partition: 1, deadline: soon)
        #expect(first?.text == "40")
        #expect(first?.offset == 0)
        #expect((first?.timestamp ?? 0) > 1_500_000_000_000)
        #expect(try await admin.firstMessage(of: topic.name, partition: 0, deadline: soon) == nil)
      }
      await admin.close()
    }
  }

  @Test("creates a topic once, with its settings", .enabled(if: TestBroker.hasReal))
  func createsTopic() async throws {
    try await onLoop {
      let admin = try KafkaAdmin(
        configuration: KafkaConfiguration(brokers: TestBroker.realAddress, clientID: "test"))
      let name = "test-\(UUID().uuidString)"
      #expect(try await admin.describe(name, deadline: soon).topic == nil)
      let settings = [("retention.ms", "-1"), ("cleanup.policy", "delete")]
      let first = try await admin.createTopic(name, partitions: 8, settings: settings, deadline: soon)
      #expect(first == .created)
      #expect(
        try await admin.createTopic(name, partitions: 8, settings: settings, deadline: soon) == .existed)
      let told = try await admin.configuration(of: name, deadline: soon)
      #expect(told["retention.ms"] == "-1")
      #expect(told["cleanup.policy"] == "delete")
      #expect(try await admin.describe(name, deadline: soon).topic?.partitions == 8)
      try await admin.deleteTopic(name, deadline: soon)
      try await admin.deleteTopic(name, deadline: soon)
      await admin.close()
    }
  }

  @Test("says at once that the embedded broker has no administration")
  func unsupported() async throws {
    try await withTopic { topic in
      let admin = try KafkaAdmin(configuration: topic.configuration)
      let start = Instant.now
      await expectUnsupported { () async throws(KafkaError) in
        _ = try await admin.createTopic(topic.name, partitions: 8, deadline: soon)
      }
      await expectUnsupported { () async throws(KafkaError) in
        _ = try await admin.configuration(of: topic.name, deadline: soon)
      }
      #expect(Instant.now - start < .seconds(2))
      await admin.close()
    }
  }

  @LoopActor
  private func expectUnsupported(_ call: @LoopActor () async throws(KafkaError) -> Void) async {
    do throws(KafkaError) {
      try await call()
      Issue.record("taken")
    } catch {
      guard case .unsupported = error else {
        Issue.record("threw \(error)")
        return
      }
    }
  }

  enum Question: CaseIterable, Sendable {
    case describe
    case watermarks
    case firstMessage
    case committed
  }

  /// A broker that answered once and has gone: the library itself asks again and again, whatever the deadline.
  @Test("ends each question at its deadline, and its client", arguments: Question.allCases)
  func brokerGone(question: Question) async throws {
    try await withTopic { topic in
      let admin = try KafkaAdmin(configuration: topic.configuration)
      _ = try await admin.watermarks(of: topic.name, partition: 0, deadline: soon)
      topic.mock?.down()
      let answered = Completion<Bool>()
      let start = Instant.now
      EventLoop.shared.spawn {
        do throws(KafkaError) {
          try await AdminTests.ask(question, of: admin, topic.name, deadline: .now + .milliseconds(500))
          answered.succeed(true)
        } catch { answered.succeed(false) }
      }
      #expect(try await answered.value(deadline: soon) == false)
      #expect(Instant.now - start < .seconds(5))
      let closed = Completion<Void>()
      EventLoop.shared.spawn {
        await admin.close()
        closed.succeed(())
      }
      try await closed.value(deadline: soon)
      topic.mock?.up()
    }
  }

  @LoopActor
  private static func ask(
    _ question: Question, of admin: KafkaAdmin, _ topic: String, deadline: Instant
  ) async throws(KafkaError) {
    switch question {
    case .describe: _ = try await admin.describe(topic, deadline: deadline)
    case .watermarks: _ = try await admin.watermarks(of: topic, partition: 0, deadline: deadline)
    case .firstMessage: _ = try await admin.firstMessage(of: topic, partition: 0, deadline: deadline)
    case .committed:
      _ = try await admin.committed(by: "group", of: topic, partitions: 1, deadline: deadline)
    }
  }

  @Test("gives up at the deadline where no broker is")
  func unreachable() async throws {
    try await onLoop {
      let port = try Sockets.freePort()
      let admin = try KafkaAdmin(
        configuration: KafkaConfiguration(brokers: "127.0.0.1:\(port)", clientID: "test"))
      let start = Instant.now
      do throws(KafkaError) {
        _ = try await admin.describe("nothing", deadline: .now + .milliseconds(300))
        Issue.record("answered")
      } catch {
        guard case .unavailable(let reason) = error else {
          Issue.record("threw \(error)")
          return
        }
        // Where it asked, and what it heard.
        #expect(reason.contains("127.0.0.1:\(port)") && reason.contains("refused"), "\(reason)")
        #expect(!reason.contains("after"), "\(reason)")
      }
      #expect(Instant.now - start < .seconds(3))
      await admin.close()
    }
  }
}
