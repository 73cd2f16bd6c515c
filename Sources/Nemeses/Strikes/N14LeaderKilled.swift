import History
import Verify
import EventLoop
import Kafka
import Laboratory
import PrivateServers
import Terminal

extension Nemesis {
  /// Two of three copies are enough, and the third is no loss.
  static let leaderKilled = Nemesis(
    "N14", "three Kafka brokers, and the leader of the crowd's partition killed", of: [.eda], seconds: 16
  ) { arena in
    guard let cluster = arena.cluster, let partition = arena.partition else { return }
    try await arena.until(2)
    let leader = try await cluster.leader(of: partition, topic: arena.lab.state.topic)
    try await cluster.kill(leader)
    let from = arena.nowForCertain
    try await arena.sleep(5)
    let to = arena.now
    try await cluster.restart(leader)
    arena.blows.append(
      Blow(
        name: "broker \(leader) killed, the leader of partition \(partition)", target: .kafka,
        architecture: .eda, isOutage: false, from: from, to: to, count: .felt))
  }.with {
    $0.missing = { _ in
      PrivateKafka.isInstalled
        ? nil : "three brokers need an installed Kafka: KAFKA_HOME, or kafka-server-start on the PATH"
    }
    $0.prepare = { arena, up in
      let cluster = try await ThreeBrokers.start(in: arena.lab.folder.path + "/three-brokers")
      arena.cluster = cluster
      let lab = arena.lab
      arena.atEnd {
        // The topic goes with its brokers: nobody is left who could be asked to delete it.
        try? lab.update { $0.log = nil }
        await cluster.stop()
      }
      up.installedKafka = false
      up.environment["KAFKA_BROKERS"] = cluster.addresses
      up.partitions = 8
    }
  }
}
