import EventLoop
import Foundation
import Kafka
import TestSupport
import Testing

@Suite("A member of a group", .limited)
struct GroupConsumerTests {
  /// A member that reads what it is assigned from what the group has been told, or from the beginning.
  @LoopActor
  final class Member {
    let rebalances = Gathered<KafkaRebalance>()
    let problems = Gathered<KafkaProblem>()
    var onRevoked: @LoopActor () -> Void = {}
    private let admin: KafkaAdmin
    private var made: KafkaGroupConsumer?

    init(_ topic: TestTopic, group: String, readsFrom start: [Int32: Int64]? = nil) throws {
      admin = try KafkaAdmin(
        configuration: KafkaConfiguration(brokers: topic.configuration.brokers, clientID: "test"))
      made = try KafkaGroupConsumer(
        configuration: topic.configuration, group: group, topic: topic.name, options: topic.groupOptions,
        onRebalance: { [weak self] in self?.told($0, start, topic.name, group) },
        onProblem: { [problems] in problems.add($0) })
      try consumer.start()
    }

    var consumer: KafkaGroupConsumer {
      guard let made else { preconditionFailure("not made") }
      return made
    }

    private func told(_ rebalance: KafkaRebalance, _ start: [Int32: Int64]?, _ topic: String, _ group: String)
    {
      rebalances.add(rebalance)
      if case .revoked = rebalance { onRevoked() }
      guard case .assigned(let ours) = rebalance else { return }
      EventLoop.shared.spawn {
        let known = try? await self.admin.committed(by: group, of: topic, partitions: 4, deadline: soon)
        let offsets = ours.map { ($0, start?[$0] ?? known?[$0] ?? 0) }
        self.consumer.assign(from: Dictionary(uniqueKeysWithValues: offsets))
      }
    }

    /// A broker may leave a wish to join unanswered, and the library asks again after 15 s (`max.poll.interval.ms`, and
    /// 3 s more). It waits for members that are gone (`session.timeout.ms`, 6 s), and 3 s for the first ones of a group.
    private static let slowestJoin = Duration.seconds(15 + 6 + 3)

    /// Waits until the group has given it that many partitions after that many rebalances.
    func join(partitions: Int = 1, after seen: Int = 0) async throws {
      try await rebalances.wait(
        until: {
          $0.dropFirst(seen).contains {
            if case .assigned(let ours) = $0 { ours.count == partitions } else { false }
          }
        }, deadline: soon + Self.slowestJoin)
    }

    func close() async {
      await consumer.close(deadline: soon)
      await admin.close()
    }

    func take(_ count: Int) async -> [KafkaMessage] {
      // A member that waits for what never comes is closed, so that the test ends.
      let end = EventLoop.shared.schedule(at: soon) { [consumer] in
        EventLoop.shared.spawn { await consumer.close(deadline: .now) }
      }
      var got: [KafkaMessage] = []
      while got.count < count {
        let bite = await consumer.next(atMost: count - got.count)
        if bite.isEmpty { break }
        got += bite
      }
      end.cancel()
      return got
    }
  }

  private static func newGroup() -> String { "group-\(UUID().uuidString)" }

  @Test("reads in bites, and again what was not committed", arguments: TestBroker.available)
  func redelivery(broker: TestBroker) async throws {
    try await withTopic(broker) { topic in
      try await topic.fill(count: 1000)
      let group = Self.newGroup()
      let first = try Member(topic, group: group)
      try await first.join()
      #expect(await first.take(300).map(\.offset) == Array(0..<300))
      try await first.consumer.commit([0: 200]).value(deadline: soon)
      #expect(await first.take(100).map(\.offset) == Array(300..<400))
      await first.close()
      let second = try Member(topic, group: group)
      try await second.join()
      #expect(await second.take(800).map(\.offset) == Array(200..<1000))
      await second.close()
      #expect(await second.consumer.next(atMost: 1).isEmpty)
    }
  }

  @Test("shares the partitions with a second member, and gets them back", arguments: TestBroker.available)
  func rebalance(broker: TestBroker) async throws {
    try await withTopic(broker, partitions: 4) { topic in
      let group = Self.newGroup()
      let first = try Member(topic, group: group)
      try await first.join(partitions: 4)
      #expect(first.consumer.partitions == [0, 1, 2, 3])
      let second = try Member(topic, group: group)
      try await first.join(partitions: 2)
      try await second.join(partitions: 2)
      #expect(first.rebalances.all[1] == .revoked([0, 1, 2, 3], lost: false))
      // The group may be shared out again before both keep their halves: what counts is that both hold theirs at once.
      let limit = soon
      while first.consumer.partitions.count != 2 || second.consumer.partitions.count != 2, .now < limit {
        await EventLoop.shared.sleep(for: .milliseconds(20))
      }
      #expect(first.consumer.partitions.count == 2)
      #expect(first.consumer.partitions.union(second.consumer.partitions) == [0, 1, 2, 3])
      for partition in 0..<4 { try await topic.fill(partition: Int32(partition), count: 10) }
      let (ours, theirs) = (await first.take(20), await second.take(20))
      #expect(Set(ours.map(\.partition)) == first.consumer.partitions)
      #expect(Set(theirs.map(\.partition)) == second.consumer.partitions)
      let seen = first.rebalances.all.count
      await second.close()
      try await first.join(partitions: 4, after: seen)
      #expect(first.consumer.partitions == [0, 1, 2, 3])
      await first.close()
    }
  }

  @Test(
    "reads nothing while it is paused, and goes on behind what was taken", arguments: TestBroker.available
  )
  func pause(broker: TestBroker) async throws {
    try await withTopic(broker) { topic in
      try await topic.fill(count: 100)
      let member = try Member(topic, group: Self.newGroup())
      try await member.join()
      #expect(await member.take(40).last?.offset == 39)
      member.consumer.pause()
      member.consumer.resume()
      #expect(await member.take(60).map(\.offset) == Array(40..<100))
      member.consumer.pause()
      try await topic.fill(count: 10, from: 100)
      member.consumer.resume()
      #expect(await member.take(10).map(\.offset) == Array(100..<110))
      member.consumer.seek(0, to: 5)
      #expect(await member.take(105).map(\.offset) == Array(5..<110))
      #expect(member.problems.all.isEmpty)
      await member.close()
    }
  }

  /// A batch fails, so the worker pauses; the group takes the partitions away; the batch is through; they come back.
  @Test(
    "reads what comes back to it, though it was paused when that was taken away",
    arguments: TestBroker.available)
  func pausedWhileRevoked(broker: TestBroker) async throws {
    try await withTopic(broker, partitions: 4) { topic in
      let group = Self.newGroup()
      let first = try Member(topic, group: group)
      try await first.join(partitions: 4)
      first.consumer.pause()
      first.onRevoked = { first.consumer.resume() }
      let second = try Member(topic, group: group)
      try await second.join(partitions: 2)
      let seen = first.rebalances.all.count
      await second.close()
      try await first.join(partitions: 4, after: seen)
      for partition in 0..<4 { try await topic.fill(partition: Int32(partition), count: 10) }
      #expect(await first.take(40).count == 40)
      await first.close()
    }
  }

  /// A broker that was stopped meanwhile may forget who wanted to join, and a coordinator that is cut off says nothing.
  @Test("asks to join once more where nobody answers")
  func unansweredJoin() async throws {
    try await withTopic { topic in
      topic.mock?.answerLate(.joinGroup, by: .seconds(600))
      let member = try Member(topic, group: Self.newGroup())
      try await member.join()
      await member.close()
    }
  }

  @Test("goes back behind what was taken also where its seam keeps an event that came later")
  func seekBehindAnEventThatWaits() async throws {
    try await withTopic { topic in
      try await topic.fill(count: 20)
      let member = try Member(topic, group: Self.newGroup())
      try await member.join()
      #expect(await member.take(5).map(\.offset) == Array(0..<5))
      let seam = ScriptedSeam([.never])
      member.consumer.seam = seam
      try await topic.fill(count: 10)
      try await until { seam.pending != nil }
      member.consumer.pause()
      member.consumer.resume()
      seam.answer(.proceed)
      #expect(await member.take(25).map(\.offset) == Array(5..<30))
      #expect(member.problems.all.isEmpty)
      await member.close()
    }
  }

  @Test("holds no more than it may, whatever there is to read")
  func bounded() async throws {
    try await withTopic { topic in
      try await topic.fill(count: 30_000)
      let member = try Member(topic, group: Self.newGroup())
      try await member.join()
      var expected: Int64 = 0
      while expected < 30_000 {
        let bite = await member.consumer.next(atMost: 20_000)
        try #require(!bite.isEmpty)
        #expect(bite.count <= topic.groupOptions.maxHeld)
        #expect(bite.first?.offset == expected)
        expected += Int64(bite.count)
      }
      await member.close()
    }
  }

  @Test("reports an offset that the log does not have", arguments: TestBroker.available)
  func reset(broker: TestBroker) async throws {
    try await withTopic(broker) { topic in
      try await topic.fill(count: 10)
      let member = try Member(topic, group: Self.newGroup(), readsFrom: [0: 99])
      try await member.problems.wait(for: 1)
      guard case .reset(partition: 0, _) = member.problems.all[0] else {
        Issue.record("reported \(member.problems.all)")
        return
      }
      member.consumer.seek(0, to: 4)
      #expect(await member.take(6).map(\.offset) == Array(4..<10))
      await member.close()
    }
  }

  @Test("stays a member while the broker is away for a moment")
  func brokerAway() async throws {
    try await withTopic { topic in
      try await topic.fill(count: 10)
      let member = try Member(topic, group: Self.newGroup())
      try await member.join()
      #expect(await member.take(10).count == 10)
      topic.mock?.down()
      try await member.problems.wait(for: 1)
      guard case .unreachable = member.problems.all[0] else {
        Issue.record("reported \(member.problems.all)")
        return
      }
      topic.mock?.up()
      try await topic.fill(count: 10, from: 10)
      #expect(await member.take(10).map(\.offset) == Array(10..<20))
      await member.close()
    }
  }

  @Test("stays a member however long there is nothing to read, or it is paused")
  func idle() async throws {
    try await withTopic { topic in
      var quick = topic
      quick.configuration.extra = ["max.poll.interval.ms": "6000"]
      let member = try Member(quick, group: Self.newGroup())
      try await member.join()
      // Longer than a member may be silent; the library looks for it once a second.
      await EventLoop.shared.sleep(for: .milliseconds(4500))
      member.consumer.pause()
      await EventLoop.shared.sleep(for: .milliseconds(4500))
      #expect(member.rebalances.all == [.assigned([0])])
      #expect(member.problems.all.isEmpty)
      await member.close()
    }
  }
}
