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

  /// The number of replicas of a topic on this many brokers; nil leaves it to a single broker.
  package static func replicas(brokers: Int) -> Int? { brokers >= 3 ? 3 : nil }

  /// The settings of a new topic on this many brokers.
  ///
  /// Messages carry the time at which the broker appended them, which shows what the log contained at a given
  /// time. No reader decides by it, so a topic without this setting is valid too; the embedded broker keeps
  /// the producer's timestamp.
  package static func settings(brokers: Int) -> [(String, String)] {
    always + [("message.timestamp.type", "LogAppendTime")]
      + (brokers >= 3 ? [("min.insync.replicas", "2")] : [])
  }

  /// Why a topic must not be used, in one line; nil if it may.
  ///
  /// - Parameter settings: nil if the broker does not report them (the embedded one).
  package static func objection(
    partitions: Int, expected: Int, replicas: Int, brokers: Int, settings: [String: String]?
  ) -> String? {
    guard partitions == expected else {
      return "the topic has \(partitions) partitions, KAFKA_PARTITIONS says \(expected)"
    }
    guard let settings else { return nil }
    for (name, value) in always where settings[name] != value {
      return "the topic's \(name) is \(settings[name] ?? "not told") and must be \(value)"
    }
    guard brokers >= 3 else { return nil }
    guard replicas >= 3 else { return "the topic has \(replicas) copies and must have 3" }
    guard let least = settings["min.insync.replicas"].flatMap({ Int($0) }), least >= 2 else {
      return "the topic's min.insync.replicas must be 2"
    }
    return nil
  }
}
