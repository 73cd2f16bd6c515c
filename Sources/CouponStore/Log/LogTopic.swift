import Secrets

/// The requirements for the log's topic, and the hash that distinguishes one log from another.
package enum LogTopic {
  /// Distinguishes a log from another one with the same name: a hash of its first message's timestamp and
  /// bytes.
  package static func firstHash(value: [UInt8], timestampMilliseconds: Int64) -> [UInt8] {
    var input: [UInt8] = []
    input.reserveCapacity(8 + value.count)
    for shift in stride(from: 56, through: 0, by: -8) {
      input.append(UInt8(truncatingIfNeeded: timestampMilliseconds >> Int64(shift)))
    }
    input.append(contentsOf: value)
    return Sodium.hash(input, key: [], count: 32)
  }

  /// Settings under which the log never loses a message.
  private static let always = [
    ("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1"),
    ("unclean.leader.election.enable", "false"),
  ]

  /// How many copies the topic must have.
  ///
  /// - Parameters:
  ///   - wanted: `KAFKA_REPLICAS`.
  ///   - brokers: how many answer: where one is away, the log must not get fewer copies for it.
  ///   - list: `KAFKA_BROKERS`: who names several has several, even where one alone answers.
  package static func replicas(_ wanted: Int?, brokers: Int, named list: String) -> Int {
    wanted ?? (max(brokers, Set(list.split(separator: ",")).count) <= 1 ? 1 : 3)
  }

  /// Copies that must have a message before it counts: a majority of three or more.
  package static func insync(of replicas: Int) -> Int { replicas >= 3 ? replicas / 2 + 1 : 1 }

  /// The settings of a new topic with so many copies.
  ///
  /// Messages carry the time at which the broker appended them, which shows what the log contained at a given
  /// time. No reader decides by it, so a topic without this setting is valid too; the embedded broker keeps
  /// the producer's timestamp.
  package static func settings(replicas: Int) -> [(String, String)] {
    always + [
      ("message.timestamp.type", "LogAppendTime"), ("min.insync.replicas", String(insync(of: replicas))),
    ]
  }

  /// Why a topic must not be used, in one line; nil if it may.
  ///
  /// - Parameters:
  ///   - replicas: the topic's copies, those on brokers that are away included.
  ///   - wanted: how many it must have.
  ///   - settings: nil if the broker does not report them (the embedded one).
  package static func objection(
    partitions: Int, expected: Int, replicas: Int, wanted: Int, settings: [String: String]?
  ) -> String? {
    guard partitions == expected else {
      return "the topic has \(partitions) partitions, KAFKA_PARTITIONS says \(expected)"
    }
    guard let settings else { return nil }
    for (name, value) in always where settings[name] != value {
      return "the topic's \(name) is \(settings[name] ?? "not told") and must be \(value)"
    }
    guard replicas >= wanted else {
      return
        "the topic has \(replicas) of \(wanted) copies of each partition: give it more with "
        + "kafka-reassign-partitions, or set KAFKA_REPLICAS=\(replicas) if losing a broker may lose coupons"
    }
    let least = settings["min.insync.replicas"].flatMap { Int($0) } ?? 1
    guard least >= insync(of: wanted) else {
      return
        "the topic's min.insync.replicas is \(least) and must be \(insync(of: wanted)): kafka-configs --alter sets it"
    }
    return nil
  }
}
