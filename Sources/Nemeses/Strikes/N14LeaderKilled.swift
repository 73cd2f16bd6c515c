import EventLoop
import History
import Kafka
import Laboratory
import PrivateServers
import Terminal
import Text
import Verify

extension Nemesis {
  /// Two of three copies are enough, and the third is no loss.
  static let leaderKilled = Nemesis(
    "N14",
    "three Kafka brokers: the leader of the crowd's partition killed, the group's coordinator killed, a leader stopped",
    of: [.eda], seconds: 80
  ) { arena in
    guard let cluster = arena.cluster, let partition = arena.partition else { return }
    func leader() async throws -> Int {
      let leaders = try await cluster.leaders(arena.lab.state.topic)
      guard leaders.indices.contains(partition) else {
        throw LabFailure("there is no partition \(partition)")
      }
      return leaders[partition]
    }
    try await arena.until(4)
    try await arena.lose(try await leader(), of: cluster, .killed, "the leader of partition \(partition)")
    try await arena.sleep(4)
    // One partition holds what all groups have committed: its leader coordinates them.
    guard let coordinator = try await cluster.leaders(Arena.offsetsTopic).first else {
      throw LabFailure("no group has a coordinator")
    }
    try await arena.lose(coordinator, of: cluster, .killed, "the coordinator of the worker's group")
    try await arena.sleep(4)
    try await arena.lose(try await leader(), of: cluster, .stopped, "the leader of partition \(partition)")
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

extension Arena {
  fileprivate static let offsetsTopic = "__consumer_offsets"
  /// A broker is given up after 3 s (`broker.session.timeout.ms` here), by a controller that may have to be elected first.
  private static let longestTakeover = 30.0
  private static let longestReturn = 60.0

  fileprivate enum Loss: String {
    case killed
    /// It closes no connection, as a machine that is gone.
    case stopped
  }

  /// Takes a broker away, brings it back when others have led its partitions for three seconds, and waits until its copies
  /// are in sync. It has bitten by each partition that others lead since.
  fileprivate func lose(_ broker: Int, of cluster: ThreeBrokers, _ loss: Loss, _ what: String) async throws {
    let topics = [lab.state.topic, Arena.offsetsTopic]
    func led() async throws -> Int {
      var number = 0
      for topic in topics {
        number += try await cluster.leaders(topic, without: broker).count { $0 == broker }
      }
      return number
    }
    let before = try await led()
    // What was asked while it ended was asked of one that was gone.
    let from = now
    switch loss {
    case .killed: try await cluster.kill(broker)
    case .stopped: try cluster.freeze(broker)
    }
    defer { cluster.thaw(broker) }
    let hasMoved = try await wait(Arena.longestTakeover) {
      // Each look is a client of its own.
      await EventLoop.shared.sleep(for: .milliseconds(100))
      return (try? await led()) == 0
    }
    guard hasMoved else { throw LabFailure("nobody leads the partitions of broker \(broker), which is gone") }
    let takeover = Double(now.microseconds - from.microseconds) / 1_000_000
    try await sleep(3)
    let to = now
    switch loss {
    case .killed: try await cluster.restart(broker)
    case .stopped: cluster.thaw(broker)
    }
    guard try await wait(Arena.longestReturn, { await cluster.isWhole(topics) }) else {
      throw LabFailure("broker \(broker) does not catch up")
    }
    blows.append(
      Blow(
        name: "broker \(broker) \(loss.rawValue), \(what)", target: .kafka, architecture: .eda,
        isOutage: false, from: from, to: to, count: .given(before), isSurvived: loss == .killed, mended: now,
        remark: "others led its \(before) partitions after \(Numbers.decimal(takeover, digits: 1)) s"))
  }
}
