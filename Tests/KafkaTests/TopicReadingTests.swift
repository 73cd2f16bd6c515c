import EventLoop
import Kafka
import TestSupport
import Testing

@Suite("Reading a topic to its end", .limited)
struct TopicReadingTests {
  private struct Enough: Error {}

  @Test("keeps what lies before the ends and knows when they are reached")
  func ends() {
    var ends = TopicEnds([2, 0, 1])
    #expect(!ends.areReached)
    func message(_ partition: Int32, _ offset: Int64) -> KafkaMessage {
      KafkaMessage(partition: partition, offset: offset, timestamp: -1, key: [], value: [])
    }
    let first = ends.keep([message(0, 0), message(2, 0), message(2, 1), message(1, 0)])
    #expect(first == [message(0, 0), message(2, 0)])
    #expect(!ends.areReached)
    let second = ends.keep([message(0, 1), message(0, 2)])
    #expect(second == [message(0, 1)])
    #expect(ends.areReached)
    #expect(TopicEnds([0, 0]).areReached && TopicEnds([]).areReached)
  }

  @Test("brings every message in bounded bites, in order", arguments: TestBroker.available)
  func readsAll(broker: TestBroker) async throws {
    try await withTopic(broker, partitions: 3) { topic in
      try await topic.fill(partition: 0, count: 2000)
      try await topic.fill(partition: 2, count: 30)
      var messages: [KafkaMessage] = []
      try await TopicReading.read(topic.name, at: topic.configuration, valueLimit: 2, deadline: soon) {
        #expect($0.count <= KafkaTail.bite)
        messages += $0
      }
      for (partition, count) in [(0, 2000), (1, 0), (2, 30)] {
        let ours = messages.filter { $0.partition == partition }
        #expect(ours.map(\.offset) == Array(0..<Int64(count)))
        #expect(ours.allSatisfy { $0.text == "\($0.offset)".prefix(2) })
      }
    }
  }

  @Test("has nothing to read in an empty topic", arguments: TestBroker.available)
  func empty(broker: TestBroker) async throws {
    try await withTopic(broker) { topic in
      try await TopicReading.read(topic.name, at: topic.configuration, deadline: soon) { _ in
        Issue.record("a message")
      }
    }
  }

  @Test("ends where its owner has had enough")
  func enough() async throws {
    try await withTopic { topic in
      try await topic.fill(count: 2000)
      var bites = 0
      await #expect(throws: Enough.self) {
        try await TopicReading.read(topic.name, at: topic.configuration, deadline: soon) { _ in
          bites += 1
          throw Enough()
        }
      }
      #expect(bites == 1)
    }
  }

  @Test("says that a beginning is gone")
  func damaged() async throws {
    try await withTopic { topic in
      let big = [UInt8](repeating: 1, count: 100_000)
      let producer = try KafkaProducer(configuration: topic.configuration) { _, _ in }
      for id in 0..<100 {
        try producer.produce(topic: topic.name, partition: 0, key: [], value: big, id: UInt64(id))
      }
      await producer.close(deadline: soon)
      do {
        try await TopicReading.read(topic.name, at: topic.configuration, deadline: soon) { _ in }
        Issue.record("read")
      } catch TopicReading.Failure.damaged(.reset(partition: 0, _)) {}
    }
  }

  @Test("gives up at its deadline")
  func late() async throws {
    try await withTopic { topic in
      try await topic.fill(count: 10)
      topic.mock?.down()
      await #expect(throws: KafkaError.self) {
        try await TopicReading.read(
          topic.name, at: topic.configuration, deadline: .now + .milliseconds(300)
        ) { _ in }
      }
    }
  }
}
