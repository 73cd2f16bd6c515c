package import Operations

/// The public listener, and the time limit of one request.
package struct ServerSettings: Sendable {
  package let host: String
  /// 0 asks the kernel for a free one.
  package let port: Int
  package let sharePort: Bool
  package let maxConnections: Int
  package let requestDeadline: Duration
  /// The file in which the program reports its ports; nil: none.
  package let readyFile: String?

  package init(_ reader: inout SettingsReader, defaultPort: Int) throws(SettingsError) {
    host = try reader.text("HTTP_HOST", default: "127.0.0.1", "Address to listen on.")
    port = try reader.integer(
      "HTTP_PORT", default: defaultPort, in: 0...65_535, "Port to listen on; 0: any free one.")
    sharePort = try reader.toggle(
      "SHARE_PORT", default: false, "Let several processes listen on one port (SO_REUSEPORT).")
    maxConnections = try reader.integer(
      "MAX_CONNECTIONS", default: 16_384, in: 1...1_000_000, unit: "connections",
      "Further connections are refused; also bounds the waiting room.")
    requestDeadline = .milliseconds(
      try reader.integer(
        "REQUEST_DEADLINE_MS", default: 2_000, in: 10...600_000, unit: "ms",
        "A request that takes longer is answered 503."))
    readyFile = try ReadyFile.setting(&reader)
  }
}

/// The operator's listener: absent unless both port and token are given.
package struct AdminSettings: Sendable {
  package struct Listener: Sendable {
    package let host: String
    /// 0 asks the kernel for a free one.
    package let port: Int
    /// Secret.
    package let token: String
  }

  package let listener: Listener?
  /// `host:port` of the operators' listeners to which fault switches are forwarded.
  package let peers: [String]

  package init(_ reader: inout SettingsReader) throws(SettingsError) {
    let host = try reader.text("ADMIN_HOST", default: "127.0.0.1", "Address of the operator's listener.")
    let port = try reader.optionalInteger(
      "ADMIN_PORT", in: 0...65_535, "Port of the operator's listener; 0: any free one.")
    let token = try reader.optional(
      "ADMIN_TOKEN", "Bearer token of the operator's calls; at least 16 bytes.", secret: true,
      AdminSettings.token)
    peers =
      try reader.optional(
        "ADMIN_PEERS", "host:port,… of the admin listeners to which fault switches are forwarded."
      ) { list in
        let peers = list.split(separator: ",").map(String.init)
        guard peers.allSatisfy(isHostAndPort) else {
          throw BrokenRule("must be host:port, separated by commas")
        }
        return peers
      } ?? []
    switch (port, token) {
    case (let port?, let token?): listener = Listener(host: host, port: port, token: token)
    case (nil, nil): listener = nil
    case (_?, nil):
      throw SettingsError(setting: "ADMIN_TOKEN", rule: "is required where ADMIN_PORT is given")
    case (nil, _?):
      throw SettingsError(setting: "ADMIN_PORT", rule: "is required where ADMIN_TOKEN is given")
    }
  }

  private static func token(_ text: String) throws(BrokenRule) -> String {
    if text.utf8.count < 16 { throw BrokenRule("must be at least 16 bytes long") }
    guard text.utf8.allSatisfy({ (33...126).contains($0) }) else {
      throw BrokenRule("must be visible ASCII characters without spaces")
    }
    return text
  }
}
