import EventLoop
import Kafka
import PrivateServers
import TestSupport
import Testing

/// A group whose coordinator cannot write what the group decides: all brokers answer, and nobody is given anything.
@Suite("A coordinator that cannot work", .limited)
struct CoordinatorTests {
  @Test(.enabled(if: PrivateKafka.isInstalled, "no Kafka is installed"), .timeLimit(.minutes(2)))
  func isNamedToTheMember() async throws {
    try await onLoop {
      let server = try await PrivateKafka.start(
        in: try TestServers.folder(), extra: ["offsets.topic.replication.factor=3"],
        onProcess: try TestServers.observer(signal: "KILL"))
      let said = Gathered<String>()
      let group = try KafkaGroupConsumer(
        configuration: KafkaConfiguration(brokers: server.brokers, clientID: "test"), group: "test",
        topic: "log", onRebalance: { _ in },
        onProblem: { if case .unreachable(let reason) = $0 { said.add(reason) } })
      try group.start()
      try await said.wait { $0.contains { $0.contains("__consumer_offsets") } }
      let words = "1 brokers answer, and offsets.topic.replication.factor may ask for more"
      #expect(said.all.contains { $0.hasPrefix("the group") && $0.contains(words) }, "\(said.all)")
      await group.close(deadline: .now + .seconds(1))
      await server.stop()
    }
  }

  private func cluster(leaderless: Int = 0, inSync: Int = 3) -> KafkaCluster {
    let topic = KafkaTopic(
      name: "__consumer_offsets", partitions: 50, replicas: 3, leaderless: leaderless, inSync: inSync,
      isWhole: false)
    return KafkaCluster(brokers: 3, isMock: false, topic: topic)
  }

  @Test func whatCannotBeWrittenIsAFault() {
    #expect(CoordinatorQuestions.fault(in: cluster(), leastInSync: 2) == nil)
    #expect(CoordinatorQuestions.fault(in: cluster(inSync: 2), leastInSync: 2) == nil)
    #expect(CoordinatorQuestions.fault(in: cluster(inSync: 1), leastInSync: nil) == nil)
    let few = CoordinatorQuestions.fault(in: cluster(inSync: 1), leastInSync: 2)
    #expect(few?.contains("has 1 copies in sync, and min.insync.replicas asks for 2") == true)
    let gone = CoordinatorQuestions.fault(in: cluster(leaderless: 17), leastInSync: 2)
    #expect(gone?.contains("has 17 of 50 partitions without a leader") == true)
  }
}
