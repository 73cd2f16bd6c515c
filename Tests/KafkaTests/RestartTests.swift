import TestSupport
import EventLoop
import Kafka
import PrivateServers
import Testing

/// A real broker that goes away in the middle of the work; only where a Kafka is installed (`KAFKA_HOME`).
@Suite(
  "A real broker that goes and comes", .enabled { try await onLoop { PrivateKafka.isInstalled } },
  .serialized, .limited)
struct RestartTests {
  enum Absence: String, CaseIterable, Sendable {
    case killed
    case frozen
  }

  @Test("loses nothing that was delivered and claims nothing of the rest", arguments: Absence.allCases)
  func goesAway(absence: Absence) async throws {
    try await onLoop {
      let folder = try TestServers.folder()
      let server = try await PrivateKafka.start(
        in: folder, onProcess: try TestServers.observer(signal: "KILL"))
      let configuration = KafkaConfiguration(brokers: server.brokers, clientID: "test")
      let admin = try KafkaAdmin(configuration: configuration)
      _ = try await admin.createTopic("log", partitions: 1, deadline: soon)
      let seen = Gathered<String>()
      let problems = Gathered<KafkaProblem>()
      let tail = KafkaTail(
        configuration: configuration, topic: "log", from: [0],
        onMessages: { seen.add($0.map(\.text)) }, onProblem: { problems.add($0) })
      try tail.start()

      let outcomes = Gathered<(UInt64, KafkaDelivery)>()
      let producer = try KafkaProducer(configuration: configuration) { outcomes.add(($0, $1)) }
      // A broker that has just started needs a moment until it gives producers their ids.
      var warmUp: UInt64 = 0
      repeat {
        try producer.produce(
          topic: "log", partition: 0, key: [], value: Array("w\(warmUp)".utf8), id: 1_000_000 + warmUp)
        warmUp += 1
        try await outcomes.wait(for: Int(warmUp))
      } while !Self.isDelivered(outcomes.all.last?.1)
      for id in 0..<6000 {
        if id == 2000 { await Self.leave(server, absence) }
        try producer.produce(
          topic: "log", partition: 0, key: [], value: Array("\(id)".utf8), id: UInt64(id))
        // Some reach the broker before it goes, some while it is away, some are sent when it is back.
        if id % 10 == 0 { await EventLoop.shared.sleep(for: .milliseconds(1)) }
      }
      try await outcomes.wait { $0.count { $0.0 < 6000 } >= 4000 }
      try await Self.comeBack(server, absence)
      for id in 6000..<6100 {
        try producer.produce(
          topic: "log", partition: 0, key: [], value: Array("\(id)".utf8), id: UInt64(id))
      }
      try await outcomes.wait { $0.count { $0.0 < 6100 } == 6100 }
      await producer.close(deadline: soon)
      let end = try await admin.watermarks(of: "log", partition: 0, deadline: soon).high
      try await seen.wait(for: Int(end))

      let log = Set(seen.all)
      #expect(log.count == seen.all.count)
      for (id, outcome) in outcomes.all where id < 6100 {
        switch outcome {
        case .delivered: #expect(log.contains("\(id)"))
        case .notPersisted: Issue.record("\(id) was taken, so nobody knows what became of it")
        case .possiblyPersisted: break
        }
      }
      // Before, during and after.
      #expect(outcomes.all.contains { $0.0 < 2000 && Self.isDelivered($0.1) })
      #expect(outcomes.all.contains { !Self.isDelivered($0.1) })
      #expect(outcomes.all.contains { 6000..<6100 ~= $0.0 && Self.isDelivered($0.1) })
      #expect(problems.all.allSatisfy { if case .unreachable = $0 { true } else { false } })
      await tail.close()
      await admin.close()
      await server.stop()
    }
  }

  private static func isDelivered(_ delivery: KafkaDelivery?) -> Bool {
    if case .delivered = delivery { true } else { false }
  }

  @LoopActor
  private static func leave(_ server: PrivateKafka, _ absence: Absence) async {
    switch absence {
    case .killed: await server.kill()
    case .frozen: server.pause()
    }
  }

  @LoopActor
  private static func comeBack(_ server: PrivateKafka, _ absence: Absence) async throws {
    switch absence {
    case .killed: try await server.restart()
    case .frozen: server.resume()
    }
  }
}
