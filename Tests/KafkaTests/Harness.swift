import EventLoop
import Foundation
import Kafka
import Testing

/// The brokers that a test runs against: always the embedded one, and a real Kafka where one is named.
enum TestBroker: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case mock
  case real

  static let realAddress = ProcessInfo.processInfo.environment["TEST_KAFKA_BROKERS"] ?? ""
  static var hasReal: Bool { !realAddress.isEmpty }
  static var available: [TestBroker] { hasReal ? [.mock, .real] : [.mock] }

  var testDescription: String { self == .mock ? "embedded broker" : "Apache Kafka" }
}

/// A topic of its own for one test.
@LoopActor
struct TestTopic {
  let name: String
  var configuration: KafkaConfiguration
  /// Nil on a real Kafka.
  let mock: KafkaMockBroker?

  var tailOptions: KafkaTail.Options { mock == nil ? KafkaTail.Options() : .forMockBroker }

  var groupOptions: KafkaGroupConsumer.Options {
    KafkaGroupConsumer.Options(fetchWait: mock == nil ? .milliseconds(100) : .milliseconds(2))
  }
}

/// Runs `body` on the loop with a topic that exists, and removes it afterwards.
func withTopic(
  _ broker: TestBroker = .mock, partitions: Int = 1,
  _ body: @escaping @Sendable @LoopActor (TestTopic) async throws -> Void
) async throws {
  let name = "test-\(UUID().uuidString)"
  try await onLoop {
    switch broker {
    case .mock:
      let mock = try KafkaMockBroker(topic: name, partitions: partitions)
      let configuration = KafkaConfiguration(brokers: mock.bootstrapServers, clientID: "test")
      let result = await attempt {
        try await body(TestTopic(name: name, configuration: configuration, mock: mock))
      }
      await mock.close()
      try result.get()
    case .real:
      let configuration = KafkaConfiguration(brokers: TestBroker.realAddress, clientID: "test")
      let admin = try KafkaAdmin(configuration: configuration)
      _ = try await admin.createTopic(name, partitions: partitions, deadline: soon)
      let result = await attempt {
        try await body(TestTopic(name: name, configuration: configuration, mock: nil))
      }
      try await admin.deleteTopic(name, deadline: soon)
      await admin.close()
      try result.get()
    }
  }
}

@LoopActor
private func attempt(_ body: @LoopActor () async throws -> Void) async -> Result<Void, any Error> {
  do {
    return .success(try await body())
  } catch {
    return .failure(error)
  }
}

/// Long enough for a busy machine, short enough not to hang.
var soon: Instant { .now + .seconds(20) }

/// What callbacks have brought, and waiting for more.
@LoopActor
final class Gathered<Element: Sendable> {
  private(set) var all: [Element] = []
  private var waiting: (isEnough: ([Element]) -> Bool, done: Completion<Void>)?

  nonisolated init() {}

  func add(_ elements: some Sequence<Element>) {
    all.append(contentsOf: elements)
    guard let waiting, waiting.isEnough(all) else { return }
    self.waiting = nil
    waiting.done.succeed(())
  }

  func add(_ element: Element) { add(CollectionOfOne(element)) }

  func wait(for count: Int) async throws { try await wait { $0.count >= count } }

  func wait(until isEnough: @escaping ([Element]) -> Bool) async throws {
    try await wait(until: isEnough, deadline: soon)
  }

  func wait(until isEnough: @escaping ([Element]) -> Bool, deadline: Instant) async throws {
    guard !isEnough(all) else { return }
    let done = Completion<Void>()
    waiting = (isEnough, done)
    try await done.value(deadline: deadline)
  }
}

extension TestTopic {
  /// Sends values `first…` to a partition and waits until they are in the log.
  func fill(partition: Int32 = 0, count: Int, from first: Int = 0) async throws {
    let reports = Gathered<KafkaDelivery>()
    let producer = try KafkaProducer(configuration: configuration) { _, delivery in reports.add(delivery) }
    for number in first..<(first + count) {
      try producer.produce(
        topic: name, partition: partition, key: Array("key".utf8), value: Array("\(number)".utf8),
        id: UInt64(number))
    }
    await producer.close(deadline: soon)
    #expect(reports.all.count == count)
    for report in reports.all {
      guard case .delivered(partition, _) = report else {
        Issue.record("not delivered: \(report)")
        return
      }
    }
  }
}

extension KafkaMessage {
  var text: String { String(decoding: value, as: UTF8.self) }
}
