internal import Clibpq

/// Where a database is and how to log in there.
///
/// Every description is `redacted`: the password appears in no description and no error.
package struct PostgresConfiguration: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// libpq's keywords, percent-decoded.
  let parameters: [String: String]

  /// Reads `postgresql://user:password@host:port/database?keyword=value`, as libpq itself does.
  ///
  /// Without a host it is `localhost`; several hosts in one URL are rejected.
  package init(url: String) throws(InvalidPostgresURL) {
    guard url.hasPrefix("postgresql://") || url.hasPrefix("postgres://"), !url.utf8.contains(0) else {
      throw InvalidPostgresURL()
    }
    var message: UnsafeMutablePointer<CChar>?
    let options = PQconninfoParse(url, &message)
    defer {
      PQconninfoFree(options)
      PQfreemem(message)  // Never shown: it may quote the password.
    }
    guard var option = options else { throw InvalidPostgresURL() }
    var parameters: [String: String] = [:]
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { parameters[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    if parameters["host", default: ""].isEmpty { parameters["host"] = "localhost" }
    if let host = parameters["host"], host.contains(",") { throw InvalidPostgresURL() }
    if let port = parameters["port"], !(UInt16(port).map { $0 > 0 } ?? false) { throw InvalidPostgresURL() }
    self.parameters = parameters
  }

  var host: String { parameters["host"] ?? "localhost" }
  var port: Int { parameters["port"].flatMap { Int($0) } ?? 5432 }

  /// Whether the host must be resolved; otherwise it is a socket's folder, or the URL has its address.
  var needsResolving: Bool { !host.hasPrefix("/") && !host.hasPrefix("@") && parameters["hostaddr"] == nil }

  /// The URL without password and options.
  package var redacted: String {
    let user = parameters["user"].map { "\($0)@" } ?? ""
    return "postgresql://\(user)\(host):\(port)/\(parameters["dbname"] ?? "")"
  }

  package var description: String { redacted }
  package var debugDescription: String { redacted }
  package var customMirror: Mirror { Mirror(self, children: ["url": redacted]) }
}

/// A database URL that cannot be parsed. It does not quote the URL, which may hold a password.
package struct InvalidPostgresURL: Error, CustomStringConvertible {
  package var description: String {
    "must be a URL of one server, such as postgresql://user:password@host:5432/database"
  }
}

extension PostgresConfiguration {
  /// The parameters for `PQconnectStartParams`.
  ///
  /// - Parameter addresses: numeric addresses of the host; libpq tries one after the other. Without them libpq would
  ///   resolve the name itself, and block.
  func connectParameters(addresses: [String], settings: [String: String], name: String) -> [(String, String)]
  {
    var all = parameters
    if !addresses.isEmpty {
      all["hostaddr"] = addresses.joined(separator: ",")
      all["host"] = addresses.map { _ in host }.joined(separator: ",")
    }
    all["client_encoding"] = "UTF8"
    all["application_name"] = name
    // Negotiating with Kerberos would block; the URL can ask for it.
    all["gssencmode"] = parameters["gssencmode"] ?? "disable"
    let options = Self.formats.merging(settings) { $1 }.sorted { $0.key < $1.key }
      .map { "-c \($0.key)=\(Self.escaped($0.value))" }
    all["options"] = ([parameters["options"]].compactMap { $0 } + options).joined(separator: " ")
    return all.map { ($0.key, $0.value) }
  }

  /// The text forms that `PostgresRows` reads, independent of the server's own settings.
  private static let formats = ["TimeZone": "UTC", "DateStyle": "ISO", "bytea_output": "hex"]

  private static func escaped(_ value: String) -> String {
    value.reduce(into: "") { $0 += $1 == " " || $1 == "\\" ? "\\\($1)" : String($1) }
  }
}

extension PostgresConfiguration {
  /// The version of libpq, as `15.14`.
  package static var libraryVersion: String {
    let number = PQlibVersion()
    return "\(number / 10_000).\(number % 10_000)"
  }
}
