package import Operations

extension KafkaConfiguration {
  /// `KAFKA_BROKERS`: the brokers to begin with, as `host:port,…`.
  package static func brokers(_ reader: inout SettingsReader) throws(SettingsError) -> String {
    try reader.required(
      "KAFKA_BROKERS", example: "host:9092", "host:port,… of the brokers to begin with."
    ) { list in
      guard list.split(separator: ",", omittingEmptySubsequences: false).allSatisfy(isHostAndPort) else {
        throw BrokenRule("must be host:port, separated by commas")
      }
      return list
    }
  }
}
