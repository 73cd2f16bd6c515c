import CouponStore
package import Kafka
package import Operations

/// Where the log is.
package struct KafkaSettings: Sendable {
  package let brokers: String
  package let security: KafkaSecurity
  package let topic: String
  package let partitions: Int
  /// Copies of each partition; nil: as many as the cluster's size suggests.
  package let replicas: Int?

  package init(_ reader: inout SettingsReader) throws(SettingsError) {
    brokers = try KafkaConfiguration.brokers(&reader)
    topic = try reader.value("KAFKA_TOPIC", default: Names.topic, "The log.") { name in
      guard isTopicName(name) else { throw BrokenRule("must be 1 to 249 of the characters A-Za-z0-9._-") }
      return name
    }
    partitions = try reader.integer(
      "KAFKA_PARTITIONS", default: 8, in: 1...1_024, unit: "partitions",
      "How many partitions the log has; never changes.")
    replicas = try reader.optionalInteger(
      "KAFKA_REPLICAS", in: 1...15, unit: "copies",
      "Copies of each partition; by default 1 where KAFKA_BROKERS names one and one answers, else 3.")
    security = try KafkaSecurity(&reader)
  }

  /// For one of the program's clients.
  package func client(_ name: String) -> KafkaConfiguration {
    KafkaConfiguration(brokers: brokers, clientID: name, security: security)
  }
}

private func isTopicName(_ text: String) -> Bool {
  (1...249).contains(text.utf8.count) && text != "." && text != ".."
    && text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
}
