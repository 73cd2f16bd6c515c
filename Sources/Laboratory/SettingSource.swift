import PrivateServers
import Terminal

/// Who says what a program that `lab` starts is to do: `lab` itself, or the user by the environment of the command.
package enum SettingSource {
  /// What `lab` gives each program, and what the user says instead.
  package static let lab: KeyValuePairs<String, String> = [
    "HTTP_HOST": "lab up --host says it",
    "HTTP_PORT": "lab up --monolith-port, --eda-port and --worker-port set it",
    "ADMIN_HOST": "lab up --operator-host sets it",
    "ADMIN_PORT": "lab up --operator-ports sets it",
    "ADMIN_TOKEN": "lab makes one and keeps it in the file operator-token",
    "ADMIN_PEERS": "lab makes the worker the api's peer",
    "SHARE_PORT": "each program of a laboratory has a port of its own",
    "READY_FILE": "lab reads it itself",
    "COUPON_FAULT": "lab fault coupons says it",
    "COUPON_KEY": "lab makes one and keeps it in lab.json",
    "DATABASE_SCHEMA": "lab gives each architecture one of its own",
    "KEY_PREFIX": "lab gives each laboratory one of its own",
    "KAFKA_TOPIC": "lab gives each laboratory one of its own",
    "KAFKA_PARTITIONS": "lab up --partitions sets it",
  ]

  /// Servers that the user names; `lab` starts private ones in the place of the others.
  package static let servers: Set<String> = [
    "DATABASE_URL", "REDIS_URL", "REDIS_CA", "KAFKA_BROKERS", "KAFKA_SECURITY_PROTOCOL",
    "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", "KAFKA_CA", "KAFKA_CERT",
    "KAFKA_KEY", "KAFKA_KEY_PASSWORD",
  ]

  /// What the programs are told of the user's environment. A part that is started again is told the same.
  package static let user: Set<String> = [
    "DATABASE_POOL", "COUPON_POOL", "REQUEST_DEADLINE_MS", "MAX_CONNECTIONS", "COUPON_STRATEGY",
    "CLOCK_OFFSET_MS", "LOG_LEVEL", "KAFKA_REPLICAS", "CRASH_AT",
  ]

  /// - Throws: `UsageError`, which names what the user has set and `lab` would have to ignore.
  static func check(_ environment: [String: String]) throws(UsageError) {
    let set = lab.filter { environment[$0.key]?.isEmpty == false }
    guard !set.isEmpty else { return }
    let words = set.map { "\($0.key) is set, but lab sets it for the programs itself: \($0.value)" }
    throw UsageError(words.joined(separator: "; ") + "; unset it")
  }
}
