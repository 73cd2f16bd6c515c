import EventLoop
import Kafka
import TestSupport
import Testing

@Suite("The producer", .limited)
struct ProducerTests {
  @Test("reports each message once, with its offset", arguments: TestBroker.available)
  func delivers(broker: TestBroker) async throws {
    try await withTopic(broker, partitions: 2) { topic in
      let reports = Gathered<(UInt64, KafkaDelivery)>()
      let producer = try KafkaProducer(configuration: topic.configuration) { reports.add(($0, $1)) }
      for id in 0..<1000 {
        try producer.produce(
          topic: topic.name, partition: Int32(id % 2), key: [1], value: [UInt8](repeating: 7, count: 200),
          headers: [("traceparent", Array("00-1-2-01".utf8))], id: UInt64(id))
      }
      try await reports.wait(for: 1000)
      #expect(Set(reports.all.map(\.0)) == Set(0..<1000))
      for (id, delivery) in reports.all {
        #expect(delivery == .delivered(partition: Int32(id % 2), offset: Int64(id / 2)))
      }
      await producer.close(deadline: soon)
    }
  }

  @Test("waits for others to send with, but not where it is flushed", arguments: TestBroker.available)
  func flushes(broker: TestBroker) async throws {
    try await withTopic(broker) { topic in
      let reports = Gathered<KafkaDelivery>()
      let linger = Duration.seconds(30)
      let producer = try KafkaProducer(
        configuration: topic.configuration,
        options: .init(lingerMilliseconds: linger.milliseconds, messageTimeout: .seconds(60))
      ) { reports.add($1) }
      let began = Instant.now
      for count in 1...3 {
        try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: UInt64(count))
        // The client may still have to find its broker.
        while reports.all.count < count, Instant.now - began < linger {
          producer.flush()
          await EventLoop.shared.sleep(for: .milliseconds(1))
        }
      }
      #expect(reports.all.count == 3 && Instant.now - began < linger)
      await producer.close(deadline: soon)
    }
  }

  @Test("says nothing of what is delivered where only errors are wanted", arguments: TestBroker.available)
  func errorsOnly(broker: TestBroker) async throws {
    try await withTopic(broker) { topic in
      let reports = Gathered<KafkaDelivery>()
      let producer = try KafkaProducer(
        configuration: topic.configuration, options: .init(reports: .errorsOnly)
      ) { reports.add($1) }
      for id in 1...100 {
        try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: UInt64(id))
      }
      await producer.close(deadline: soon)
      #expect(reports.all.isEmpty)
      let admin = try KafkaAdmin(configuration: topic.configuration)
      let marks = try await admin.watermarks(of: topic.name, partition: 0, deadline: soon)
      #expect(marks == KafkaWatermarks(low: 0, high: 100))
      await admin.close()
    }
  }

  @Test("does not claim to know what became of a message that it had taken")
  func brokerDown() async throws {
    try await withTopic { topic in
      topic.mock?.down()
      let reports = Gathered<KafkaDelivery>()
      let producer = try KafkaProducer(
        configuration: topic.configuration, options: .init(messageTimeout: .seconds(3))
      ) { reports.add($1) }
      try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: 1)
      try await reports.wait(for: 1)
      guard case .possiblyPersisted = reports.all[0] else {
        Issue.record("reported \(reports.all[0])")
        return
      }
      topic.mock?.up()
      try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: 2)
      try await reports.wait(for: 2)
      #expect(reports.all[1] == .delivered(partition: 0, offset: 0))
      await producer.close(deadline: soon)
    }
  }

  /// A leader that has appended a message and then lost the leadership answers so. The library calls that not persisted.
  @Test("does not believe a leader that says it was none")
  func deposedLeader() async throws {
    try await withTopic { topic in
      let reports = Gathered<KafkaDelivery>()
      let producer = try KafkaProducer(
        configuration: topic.configuration, options: .init(messageTimeout: .seconds(1))
      ) { reports.add($1) }
      try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: 1)
      try await reports.wait(for: 1)
      topic.mock?.fail(.produce, with: .notLeader, count: 1_000)
      try producer.produce(topic: topic.name, partition: 0, key: [1], value: [3], id: 2)
      try await reports.wait(for: 2)
      guard case .possiblyPersisted = reports.all[1] else {
        Issue.record("reported \(reports.all[1])")
        return
      }
      topic.mock?.clear(.produce)
      await producer.close(deadline: soon)
    }
  }

  @Test("does not know of a message that was written and never acknowledged")
  func lateAnswer() async throws {
    try await withTopic { topic in
      let reports = Gathered<KafkaDelivery>()
      let producer = try KafkaProducer(
        configuration: topic.configuration, options: .init(messageTimeout: .seconds(3))
      ) { reports.add($1) }
      try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: 1)
      try await reports.wait(for: 1)
      #expect(reports.all == [.delivered(partition: 0, offset: 0)])
      topic.mock?.answerLate(.produce, by: .seconds(30), count: 10)
      try producer.produce(topic: topic.name, partition: 0, key: [1], value: [3], id: 2)
      try await reports.wait(for: 2)
      guard case .possiblyPersisted = reports.all[1] else {
        Issue.record("reported \(reports.all[1])")
        return
      }
      let admin = try KafkaAdmin(configuration: topic.configuration)
      let marks = try await admin.watermarks(of: topic.name, partition: 0, deadline: soon)
      #expect(marks.high >= 2)
      await admin.close()
      await producer.close(deadline: .now + .milliseconds(100))
    }
  }

  @Test("refuses what its queue does not hold, and that is never sent")
  func queueFull() async throws {
    try await withTopic { topic in
      topic.mock?.down()
      let reports = Gathered<UInt64>()
      let producer = try KafkaProducer(
        configuration: topic.configuration, options: .init(messageTimeout: .milliseconds(500), maxQueued: 10)
      ) { id, _ in reports.add(id) }
      for id in 0..<10 {
        try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: UInt64(id))
      }
      #expect(throws: KafkaError.queueFull) {
        try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: 10)
      }
      try await reports.wait(for: 10)
      #expect(reports.all.sorted() == Array(0..<10))
      await producer.close(deadline: soon)
    }
  }

  @Test("goes on with a new client after a fatal error")
  func fatalError() async throws {
    try await withTopic { topic in
      let reports = Gathered<(UInt64, KafkaDelivery)>()
      topic.mock?.down()
      let producer = try KafkaProducer(configuration: topic.configuration) { reports.add(($0, $1)) }
      // The library gives up for good on a cluster that refuses it a producer's id.
      topic.mock?.fail(.initProducerID, with: .clusterAuthorizationFailed)
      topic.mock?.up()
      try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: 1)
      try await reports.wait(for: 1)
      if case .delivered = reports.all[0].1 { Issue.record("delivered") }
      var id: UInt64 = 2
      while true {
        do throws(KafkaError) {
          try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: id)
          break
        } catch {
          guard case .unavailable = error, id < 1000 else { throw error }
          await EventLoop.shared.sleep(for: .milliseconds(20))
        }
        id += 1
      }
      try await reports.wait(for: 2)
      #expect(reports.all[1].0 == id)
      #expect(reports.all[1].1 == .delivered(partition: 0, offset: 0))
      await producer.close(deadline: soon)
    }
  }

  @Test("loses no report when it is closed", arguments: [true, false])
  func close(isBrokerDown: Bool) async throws {
    try await withTopic { topic in
      let reports = Gathered<(UInt64, KafkaDelivery)>()
      let producer = try KafkaProducer(configuration: topic.configuration) { reports.add(($0, $1)) }
      if isBrokerDown { topic.mock?.down() }
      for id in 0..<20_000 {
        try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: UInt64(id))
      }
      await producer.close(deadline: isBrokerDown ? .now + .milliseconds(50) : soon)
      #expect(reports.all.count == 20_000)
      #expect(Set(reports.all.map(\.0)).count == 20_000)
      if !isBrokerDown {
        #expect(reports.all.allSatisfy { if case .delivered = $0.1 { true } else { false } })
      }
      #expect(throws: KafkaError.self) {
        try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: 0)
      }
    }
  }

  @Test("does not know what was on its way when it was closed")
  func closeWithUnanswered() async throws {
    try await withTopic { topic in
      let reports = Gathered<KafkaDelivery>()
      let producer = try KafkaProducer(configuration: topic.configuration) { reports.add($1) }
      try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: 1)
      try await reports.wait(for: 1)
      topic.mock?.answerLate(.produce, by: .seconds(30))
      try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: 2)
      let admin = try KafkaAdmin(configuration: topic.configuration)
      while try await admin.watermarks(of: topic.name, partition: 0, deadline: soon).high < 2 {}
      await producer.close(deadline: .now)
      #expect(reports.all.count == 2)
      guard case .possiblyPersisted = reports.all.last else {
        Issue.record("reported \(reports.all)")
        return
      }
      await admin.close()
    }
  }

  @Test("does with each message what its seam permits")
  func seam() async throws {
    try await withTopic { topic in
      let reports = Gathered<(UInt64, KafkaDelivery)>()
      let producer = try KafkaProducer(
        configuration: topic.configuration, options: .init(messageTimeout: .seconds(3))
      ) { reports.add(($0, $1)) }
      let seam = ScriptedSeam([
        .now(.refused("switched")), .now(.proceedUnanswered), .after(.milliseconds(300), .proceed),
        .after(.milliseconds(10), .refused("later")), .now(.silent), .now(.proceed),
      ])
      producer.seam = seam
      #expect(throws: KafkaError.unavailable("switched")) {
        try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: 0)
      }
      for id in 1...5 {
        try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: UInt64(id))
      }
      try await reports.wait(for: 5)
      let told = Dictionary(uniqueKeysWithValues: reports.all)
      // Written, and their reports lost.
      #expect(told[1] == .possiblyPersisted("no answer"))
      #expect(told[4] == .possiblyPersisted("no answer"))
      #expect(told[3] == .notPersisted("Kafka is unavailable: later"))
      #expect(told[5] == .delivered(partition: 0, offset: 2))
      #expect(told[2] == .delivered(partition: 0, offset: 3))
      #expect(seam.uses == Array(repeating: .call, count: 6))
      // A delay may be longer than a message's timeout, which begins when the message is sent.
      #expect(seam.deadlines.allSatisfy { $0 > .now + .seconds(3_600) })
      await producer.close(deadline: soon)
    }
  }

  @Test("delivers what a short absence of the broker has held up")
  func brokerComesBack() async throws {
    try await withTopic { topic in
      let reports = Gathered<KafkaDelivery>()
      let producer = try KafkaProducer(configuration: topic.configuration) { reports.add($1) }
      for id in 0..<100 {
        if id == 50 { topic.mock?.down() }
        try producer.produce(topic: topic.name, partition: 0, key: [1], value: [2], id: UInt64(id))
      }
      topic.mock?.up()
      try await reports.wait(for: 100)
      #expect(reports.all.allSatisfy { if case .delivered = $0 { true } else { false } })
      await producer.close(deadline: soon)
    }
  }

  @Test("does not take a setting that the library does not know, and does not tell its value")
  func misconfigured() async throws {
    try await onLoop {
      let configuration = KafkaConfiguration(
        brokers: "127.0.0.1:1", clientID: "test",
        extra: ["sasl.mechanism": "hunter2", "security.protocol": "hunter2"])
      #expect(!"\(configuration)".contains("hunter2"))
      do throws(KafkaError) {
        _ = try KafkaProducer(configuration: configuration) { _, _ in }
        Issue.record("taken")
      } catch {
        #expect(!"\(error)".contains("hunter2"))
        #expect("\(error)".contains("security.protocol"))
      }
    }
  }
}
