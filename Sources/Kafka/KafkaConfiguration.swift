internal import Crdkafka

/// Where the brokers are, and the name of this client.
package struct KafkaConfiguration: Hashable, Sendable, CustomStringConvertible {
  /// `host:port`, several separated by commas.
  package var brokers: String
  /// The name under which the brokers know this client.
  package var clientID: String
  /// Settings of librdkafka for a cluster that needs them (TLS, SASL …). They win over this module's own and are
  /// never printed.
  package var extra: [String: String]

  package init(brokers: String, clientID: String, extra: [String: String] = [:]) {
    (self.brokers, self.clientID, self.extra) = (brokers, clientID, extra)
  }

  package var description: String {
    let names = extra.keys.sorted().joined(separator: ", ")
    return "\(clientID) at \(brokers)" + (names.isEmpty ? "" : " (with \(names))")
  }

  /// The version of the library, as `2.0.2`.
  package static var libraryVersion: String { String(cString: rd_kafka_version_str()) }
}

/// What one kind of client needs beyond the addresses.
struct ClientSettings {
  /// librdkafka's names and values.
  var values: [(name: String, value: String)]
  /// Settings that only newer versions of the library know.
  var ifKnown: [(name: String, value: String)] = []
  /// `RD_KAFKA_EVENT_…`: what comes as an event on a queue instead of a callback on a thread of the library.
  var events: Int32

  /// Quick to come back when a broker does, and to notice when one has gone.
  static let connection: [(name: String, value: String)] = [
    ("socket.nagle.disable", "true"), ("socket.keepalive.enable", "true"), ("reconnect.backoff.ms", "50"),
    ("reconnect.backoff.max.ms", "500"),
  ]
}

extension KafkaConfiguration {
  /// A configuration object that belongs to the caller until a client takes it.
  func makeConf(_ settings: ClientSettings) throws(KafkaError) -> OpaquePointer {
    guard let conf = rd_kafka_conf_new() else { throw KafkaError.misconfigured("no configuration object") }
    do throws(KafkaError) {
      try Self.set("bootstrap.servers", brokers, in: conf)
      try Self.set("client.id", clientID, in: conf)
      for (name, value) in ClientSettings.connection + settings.values { try Self.set(name, value, in: conf) }
      for (name, value) in settings.ifKnown { rd_kafka_conf_set(conf, name, value, nil, 0) }
      for (name, value) in extra { try Self.set(name, value, in: conf) }
    } catch {
      rd_kafka_conf_destroy(conf)
      throw error
    }
    if settings.events != 0 { rd_kafka_conf_set_events(conf, settings.events) }
    return conf
  }

  /// The library's own text repeats the value, which may be a password: only the name is told.
  private static func set(_ name: String, _ value: String, in conf: OpaquePointer) throws(KafkaError) {
    guard rd_kafka_conf_set(conf, name, value, nil, 0) == RD_KAFKA_CONF_OK else {
      throw KafkaError.misconfigured("librdkafka \(libraryVersion) does not take this value of \(name)")
    }
  }
}
