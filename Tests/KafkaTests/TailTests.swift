import EventLoop
import Kafka
import TestSupport
import Testing

@Suite("The tail", .limited)
struct TailTests {
  @LoopActor
  final class Reader {
    let messages = Gathered<KafkaMessage>()
    let bites = Gathered<Int>()
    let problems = Gathered<KafkaProblem>()
    let tail: KafkaTail

    init(_ topic: TestTopic, from offsets: [Int64], options: KafkaTail.Options? = nil) throws {
      let (messages, bites, problems) = (messages, bites, problems)
      tail = KafkaTail(
        configuration: topic.configuration, topic: topic.name, from: offsets,
        options: options ?? topic.tailOptions,
        onMessages: {
          bites.add($0.count)
          messages.add($0)
        },
        onProblem: { problems.add($0) })
    }
  }

  @Test("reads every partition from its offset, in order, to the end and on", arguments: TestBroker.available)
  func readsAll(broker: TestBroker) async throws {
    try await withTopic(broker, partitions: 3) { topic in
      for partition in 0..<3 { try await topic.fill(partition: Int32(partition), count: 2000) }
      let reader = try Reader(topic, from: [0, 1000, 2000])
      try reader.tail.start()
      try await reader.messages.wait(for: 3000)
      try await topic.fill(partition: 2, count: 10, from: 2000)
      try await reader.messages.wait(for: 3010)
      for partition in 0..<3 {
        let offsets = reader.messages.all.filter { $0.partition == partition }.map(\.offset)
        #expect(offsets == Array(Int64(partition * 1000)..<(partition == 2 ? 2010 : 2000)))
      }
      #expect(reader.messages.all.allSatisfy { $0.text == "\($0.offset)" && $0.key == Array("key".utf8) })
      #expect(reader.messages.all.allSatisfy { $0.timestamp > 1_500_000_000_000 })
      #expect(reader.bites.all.allSatisfy { $0 <= KafkaTail.bite })
      #expect(reader.tail.isReachable)
      #expect(reader.problems.all.isEmpty)
      await reader.tail.close()
    }
  }

  @Test("takes at most its bound in one turn of the loop")
  func boundedTurns() async throws {
    try await withTopic { topic in
      try await topic.fill(count: 12_000)
      let turns = Gathered<Int>()
      var (thisTurn, total) = (0, 0)
      let tail = KafkaTail(
        configuration: topic.configuration, topic: topic.name, from: [0], options: topic.tailOptions,
        onMessages: { bite in
          if thisTurn == 0 {
            EventLoop.shared.atTurnEnd {
              turns.add(thisTurn)
              thisTurn = 0
            }
          }
          thisTurn += bite.count
          total += bite.count
        },
        onProblem: { _ in })
      try tail.start()
      try await turns.wait { $0.reduce(0, +) == 12_000 }
      #expect(total == 12_000)
      #expect(turns.all.allSatisfy { $0 <= KafkaTail.bite * KafkaTail.bitesATurn })
      await tail.close()
    }
  }

  @Test("ends a turn when what is read costs much")
  func costlyTurns() async throws {
    try await withTopic { topic in
      try await topic.fill(count: 2_000)
      let turns = Gathered<Int>()
      var thisTurn = 0
      let tail = KafkaTail(
        configuration: topic.configuration, topic: topic.name, from: [0], options: topic.tailOptions,
        onMessages: { bite in
          if thisTurn == 0 {
            EventLoop.shared.atTurnEnd {
              turns.add(thisTurn)
              thisTurn = 0
            }
          }
          thisTurn += bite.count
          let end = Instant.now + .milliseconds(6)
          while Instant.now < end {}
        },
        onProblem: { _ in })
      try tail.start()
      try await turns.wait { $0.reduce(0, +) == 2_000 }
      // One bite is longer than a turn may be; what was taken off the queue by the next look at the clock is handed on.
      #expect(turns.all.allSatisfy { $0 <= 2 * KafkaTail.bite })
      await tail.close()
    }
  }

  @Test("reports a log whose wanted offset is not there", arguments: TestBroker.available)
  func reset(broker: TestBroker) async throws {
    try await withTopic(broker, partitions: 2) { topic in
      try await topic.fill(partition: 0, count: 10)
      try await topic.fill(partition: 1, count: 10)
      let reader = try Reader(topic, from: [50, 0])
      try reader.tail.start()
      try await reader.problems.wait(for: 1)
      try await reader.messages.wait(for: 10)
      guard case .reset(partition: 0, _) = reader.problems.all[0] else {
        Issue.record("reported \(reader.problems.all)")
        return
      }
      #expect(reader.messages.all.allSatisfy { $0.partition == 1 })
      #expect(reader.problems.all.count == 1)
      await reader.tail.close()
    }
  }

  @Test("reports a beginning that the embedded broker has dropped")
  func droppedBeginning() async throws {
    try await withTopic { topic in
      let big = [UInt8](repeating: 1, count: 100_000)
      let producer = try KafkaProducer(configuration: topic.configuration) { _, _ in }
      for id in 0..<100 {
        try producer.produce(topic: topic.name, partition: 0, key: [], value: big, id: UInt64(id))
      }
      await producer.close(deadline: soon)
      let admin = try KafkaAdmin(configuration: topic.configuration)
      let marks = try await admin.watermarks(of: topic.name, partition: 0, deadline: soon)
      #expect(marks.low > 0)
      #expect(marks.high == 100)
      await admin.close()
      let reader = try Reader(topic, from: [0])
      try reader.tail.start()
      try await reader.problems.wait(for: 1)
      guard case .reset(partition: 0, _) = reader.problems.all[0] else {
        Issue.record("reported \(reader.problems.all)")
        return
      }
      #expect(reader.messages.all.isEmpty)
      await reader.tail.close()
    }
  }

  @Test("takes an absent broker for a state, and reads on when it is back")
  func brokerAway() async throws {
    try await withTopic { topic in
      try await topic.fill(count: 10)
      let reader = try Reader(topic, from: [0])
      try reader.tail.start()
      try await reader.messages.wait(for: 10)
      topic.mock?.down()
      try await reader.problems.wait(for: 1)
      guard case .unreachable = reader.problems.all[0] else {
        Issue.record("reported \(reader.problems.all)")
        return
      }
      #expect(!reader.tail.isReachable)
      topic.mock?.up()
      try await until { reader.tail.isReachable }
      try await topic.fill(count: 10, from: 10)
      try await reader.messages.wait(for: 20)
      #expect(reader.messages.all.map(\.offset) == Array(0..<20))
      await reader.tail.close()
    }
  }

  @Test("starts without a broker and reads when one comes")
  func startsWithoutBroker() async throws {
    try await withTopic { topic in
      try await topic.fill(count: 3)
      topic.mock?.down()
      let reader = try Reader(topic, from: [0])
      try reader.tail.start()
      try await reader.problems.wait(for: 1)
      topic.mock?.up()
      try await reader.messages.wait(for: 3)
      await reader.tail.close()
    }
  }

  @Test("leaves messages in the library until its seam lets it read, and loses none")
  func seam() async throws {
    try await withTopic { topic in
      try await topic.fill(count: 100)
      let reader = try Reader(topic, from: [0])
      let seam = ScriptedSeam([
        .now(.refused("switched")), .now(.silent), .after(.milliseconds(30), .proceed),
        .now(.proceedUnanswered),
      ])
      reader.tail.seam = seam
      try reader.tail.start()
      try await reader.messages.wait(for: 100)
      #expect(seam.uses.allSatisfy { $0 == .receive })
      #expect(seam.uses.count >= 3)
      #expect(reader.messages.all.map(\.offset) == Array(0..<100))
      await reader.tail.close()
    }
  }

  @Test("counts the broker as away where its seam says so, and not while it only delays")
  func shutSeam() async throws {
    try await withTopic { topic in
      try await topic.fill(count: 10)
      let reader = try Reader(topic, from: [0])
      let seam = ScriptedSeam([.never, .never])
      reader.tail.seam = seam
      try reader.tail.start()
      try await until { reader.tail.isReachable && seam.pending != nil }
      seam.answer(.refused("switched"))
      #expect(!reader.tail.isReachable)
      // It asks again, and a delay changes nothing.
      try await until { seam.pending != nil }
      #expect(!reader.tail.isReachable)
      #expect(reader.messages.all.isEmpty)
      seam.answer(.proceed)
      try await reader.messages.wait(for: 10)
      #expect(reader.tail.isReachable)
      await reader.tail.close()
    }
  }

  @Test("keeps headers where it is told to", arguments: TestBroker.available)
  func headers(broker: TestBroker) async throws {
    try await withTopic(broker) { topic in
      let producer = try KafkaProducer(configuration: topic.configuration) { _, _ in }
      try producer.produce(
        topic: topic.name, partition: 0, key: [], value: [], headers: [("a", [1, 2]), ("b", [])], id: 1)
      await producer.close(deadline: soon)
      var options = topic.tailOptions
      options.keepsHeaders = true
      let reader = try Reader(topic, from: [0], options: options)
      try reader.tail.start()
      try await reader.messages.wait(for: 1)
      let message = reader.messages.all[0]
      #expect(message.headers == [KafkaHeader(name: "a", value: [1, 2]), KafkaHeader(name: "b", value: [])])
      #expect(message.key.isEmpty && message.value.isEmpty)
      await reader.tail.close()
    }
  }
}
