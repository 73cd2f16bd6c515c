internal import Text

/// Where a Redis server, or some nodes of a cluster are, and how to log in. Its description has no password.
package struct RedisConfiguration: Hashable, Sendable, CustomStringConvertible {
  /// One server, or nodes of one cluster.
  package let addresses: [RedisAddress]
  package let user: String?
  package let password: String?
  package let database: Int
  /// Whether the connection is encrypted, and the server has to prove who it is.
  package let isEncrypted: Bool
  /// The PEM file with the authorities that may have signed the server's certificate; nil: the system's.
  package internal(set) var authorities: String?

  /// Reads `redis://[user:password@]host[:port][,host[:port]…][/database]`; reserved characters are percent-encoded.
  ///
  /// `rediss://` is the same over TLS.
  ///
  /// - Parameter authorities: a PEM file, for `rediss://`.
  /// - Throws: `InvalidRedisURL`, which names the part and never shows the password.
  package init(url: String, authorities: String? = nil) throws(InvalidRedisURL) {
    isEncrypted = url.hasPrefix("rediss://")
    self.authorities = isEncrypted ? authorities : nil
    let scheme = isEncrypted ? "rediss://" : "redis://"
    guard url.hasPrefix(scheme) else {
      throw InvalidRedisURL(rule: "must begin with redis://, or rediss:// for TLS")
    }
    var rest = Substring(url.dropFirst(scheme.count))
    guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else {
      throw InvalidRedisURL(
        rule:
          "nothing may follow the database: options after ? or # are not known (percent-encode them in a password)"
      )
    }
    var path = Substring()
    if let slash = rest.firstIndex(of: "/") { (rest, path) = (rest[..<slash], rest[slash...].dropFirst()) }
    (user, password, rest) = try InvalidRedisURL.credentials(in: rest)
    guard user == nil || password != nil else {
      throw InvalidRedisURL(rule: "a user needs a password: redis://user:password@host")
    }
    guard let database = path.isEmpty ? 0 : InvalidRedisURL.number(path), database <= 65_535 else {
      throw InvalidRedisURL(rule: "the database must be a number, 0 to 65535")
    }
    self.database = database
    addresses = try rest.split(separator: ",", omittingEmptySubsequences: false)
      .map { host throws(InvalidRedisURL) in try InvalidRedisURL.address(host) }
    guard addresses.count <= RedisConfiguration.addressesAtMost else {
      throw InvalidRedisURL(rule: "at most \(RedisConfiguration.addressesAtMost) nodes are named")
    }
    guard addresses.count == 1 || database == 0 else {
      throw InvalidRedisURL(rule: "several hosts are nodes of a cluster, which has database 0 alone")
    }
  }

  private static let addressesAtMost = 32

  private init(_ other: RedisConfiguration, at address: RedisAddress) {
    (addresses, user, password) = ([address], other.user, other.password)
    (database, isEncrypted, authorities) = (other.database, other.isEncrypted, other.authorities)
  }

  /// Another server with the same login.
  func at(_ address: RedisAddress) -> RedisConfiguration { RedisConfiguration(self, at: address) }

  /// Of the first server.
  package var host: String { addresses[0].host }
  package var port: Int { addresses[0].port }

  /// The URL without its password.
  package var description: String {
    "redis\(isEncrypted ? "s" : "")://\(addresses.map(\.description).joined(separator: ","))/\(database)"
  }
}

/// Why a Redis URL cannot be used. It does not quote the URL, which may hold a password.
package struct InvalidRedisURL: Error, Hashable, Sendable, CustomStringConvertible {
  package let rule: String
  package var description: String { "the Redis URL is not usable: \(rule)" }

  fileprivate static func credentials(
    in text: Substring
  ) throws(InvalidRedisURL) -> (user: String?, password: String?, rest: Substring) {
    guard let at = text.lastIndex(of: "@") else { return (nil, nil, text) }
    let login = text[..<at]
    let colon = login.firstIndex(of: ":") ?? login.endIndex
    let user = try percentDecoded(login[..<colon])
    let password = colon == login.endIndex ? nil : try percentDecoded(login[colon...].dropFirst())
    return (user.isEmpty ? nil : user, password, text[at...].dropFirst())
  }

  fileprivate static func address(_ text: Substring) throws(InvalidRedisURL) -> RedisAddress {
    var (host, port) = (text, Substring("6379"))
    if text.first == "[", let end = text.firstIndex(of: "]") {
      host = text[..<end].dropFirst()
      let rest = text[end...].dropFirst()
      guard rest.isEmpty || rest.first == ":" else {
        throw InvalidRedisURL(rule: "the host is not an address or a name")
      }
      if !rest.isEmpty { port = rest.dropFirst() }
      guard host.utf8.allSatisfy(isPartOfIPv6) else {
        throw InvalidRedisURL(rule: "the host is not an address")
      }
    } else {
      if let colon = text.lastIndex(of: ":") { (host, port) = (text[..<colon], text[colon...].dropFirst()) }
      guard host.utf8.allSatisfy(isPartOfName) else {
        throw InvalidRedisURL(
          rule: "the host is not an address or a name (an IPv6 address stands in brackets)")
      }
    }
    guard !host.isEmpty else { throw InvalidRedisURL(rule: "the host is missing") }
    guard let number = number(port), (1...65_535).contains(number) else {
      throw InvalidRedisURL(rule: "the port must be 1 to 65535")
    }
    return RedisAddress(String(host), number)
  }

  /// Digits alone: `Int` takes signs, too.
  fileprivate static func number(_ text: Substring) -> Int? {
    text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// With the zone of a link-local address.
  private static func isPartOfIPv6(_ byte: UInt8) -> Bool {
    isPartOfName(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "%")
  }

  private static func percentDecoded(_ text: Substring) throws(InvalidRedisURL) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap({ hexValue($0, upperCase: true) }),
        let low = rest.popFirst().flatMap({ hexValue($0, upperCase: true) })
      else {
        throw InvalidRedisURL(rule: "a % in the login is not followed by two hexadecimal digits")
      }
      bytes.append(high << 4 | low)
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
      throw InvalidRedisURL(rule: "the login is not valid UTF-8")
    }
    return decoded
  }
}
