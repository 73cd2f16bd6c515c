import EventLoop
import Foundation
import Kafka
import TestSupport
import Testing

/// What others write may be long; a reader's memory is bounded all the same.
@Suite("Long messages", .limited)
struct LongMessageTests {
  private static let long = 900_000

  @LoopActor
  private func fill(_ topic: TestTopic, count: Int) async throws {
    let reports = Gathered<KafkaDelivery>()
    let producer = try KafkaProducer(configuration: topic.configuration) { _, delivery in
      reports.add(delivery)
    }
    for number in 0..<count {
      try producer.produce(
        topic: topic.name, partition: 0, key: Array("key".utf8),
        value: [UInt8](repeating: UInt8(number), count: Self.long), id: UInt64(number))
      try await reports.wait(for: number + 1)
    }
    await producer.close(deadline: soon)
  }

  @Test("are copied up to the limit, the first one whole", arguments: TestBroker.available)
  func limit(broker: TestBroker) async throws {
    try await withTopic(broker) { topic in
      try await fill(topic, count: 3)
      var options = topic.tailOptions
      options.valueLimit = 1000
      let read = Gathered<KafkaMessage>()
      let tail = KafkaTail(
        configuration: topic.configuration, topic: topic.name, from: [0], options: options,
        onMessages: { read.add($0) }, onProblem: { Issue.record("\($0)") })
      try tail.start()
      try await read.wait(for: 3)
      await tail.close()
      #expect(read.all.map(\.value.count) == [Self.long, 1000, 1000])
      #expect(read.all.map { $0.value.last } == [0, 1, 2])
    }
  }

  @Test("are left in the library when a member holds enough bytes", arguments: TestBroker.available)
  func heldBytes(broker: TestBroker) async throws {
    try await withTopic(broker) { topic in
      try await fill(topic, count: 4)
      var options = topic.groupOptions
      (options.valueLimit, options.maxHeldBytes) = (500_000, 600_000)
      let ours = Gathered<Int32>()
      let consumer = try KafkaGroupConsumer(
        configuration: topic.configuration, group: "group-\(UUID().uuidString)", topic: topic.name,
        options: options,
        onRebalance: { if case .assigned(let list) = $0 { ours.add(list) } },
        onProblem: { Issue.record("\($0)") })
      try consumer.start()
      try await ours.wait(for: 1)
      consumer.assign(from: [0: 0])
      var sizes: [Int] = []
      while sizes.count < 4 {
        let bite = await consumer.next(atMost: 100)
        #expect(bite.dropLast().reduce(0) { $0 + $1.value.count } < 600_000)
        sizes += bite.map(\.value.count)
        if bite.isEmpty { break }
      }
      #expect(sizes == [Self.long, 500_000, 500_000, 500_000])
      await consumer.close(deadline: soon)
    }
  }
}
