package import Operations

/// Which Redis a program uses, and the prefix of its keys.
package struct RedisSettings: Sendable {
  /// Secret: it may hold a password.
  package private(set) var configuration: RedisConfiguration
  /// The prefix of every key, which differs between labs that share a server.
  package let keyPrefix: String

  package init(_ reader: inout SettingsReader) throws(SettingsError) {
    configuration = try reader.required(
      "REDIS_URL", example: "redis://host",
      "redis://user:password@host:port/number, rediss:// for TLS; several hosts with commas between: nodes of a cluster.",
      secret: true
    ) { try RedisConfiguration(url: $0) }
    let authorities = try reader.optionalFile(
      "REDIS_CA", "A PEM file with the authorities of Redis' certificate; else the system's.")
    if let authorities {
      guard configuration.isEncrypted else {
        throw SettingsError(setting: "REDIS_CA", rule: "is for a REDIS_URL that begins with rediss://")
      }
      configuration.authorities = authorities
    }
    keyPrefix = try reader.value("KEY_PREFIX", default: "", "Prefix of every key.") { prefix in
      if prefix.utf8.count > 64 || prefix.utf8.contains(where: { "{}*?[]\\ ".utf8.contains($0) }) {
        throw BrokenRule("must be at most 64 bytes without blanks, braces, brackets, *, ? and \\")
      }
      return prefix
    }
  }
}
