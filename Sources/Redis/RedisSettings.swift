package import Operations

/// Which Redis a program works with, and where in it.
package struct RedisSettings: Sendable {
  /// Secret: it may hold a password.
  package let configuration: RedisConfiguration
  /// What every key begins with; labs that share a server have one each.
  package let keyPrefix: String

  package init(_ reader: inout SettingsReader) throws(SettingsError) {
    configuration = try reader.required(
      "REDIS_URL", example: "redis://host", "redis://:password@host:port/number", secret: true
    ) { try RedisConfiguration(url: $0) }
    keyPrefix = try reader.value("KEY_PREFIX", default: "", "What every key begins with.") { prefix in
      if prefix.utf8.count > 64 || prefix.utf8.contains(where: { "{}*?[]\\ ".utf8.contains($0) }) {
        throw BrokenRule("must be at most 64 bytes without blanks, braces, brackets, *, ? and \\")
      }
      return prefix
    }
  }
}
