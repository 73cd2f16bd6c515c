internal import Clibpq

/// Where a database is and how to log in there.
///
/// Every description is `redacted`: the password appears in no description and no error.
package struct PostgresConfiguration: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// libpq's keywords, percent-decoded.
  let parameters: [String: String]

  /// In the order in which they are tried.
  let servers: [Server]

  /// Reads `postgresql://user:password@host:port,host:port/database?keyword=value`, as libpq itself does.
  ///
  /// Without a host it is `localhost`. Several servers are tried one after the other. Without `target_session_attrs` a
  /// server must take writes: after a failover the old one may still be there and only read.
  package init(url: String) throws(InvalidPostgresURL) {
    _ = LibraryEnvironment.ignored
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
    // Would need a second look at all servers; each is tried by itself.
    guard let servers = Server.list(parameters), parameters["target_session_attrs"] != "prefer-standby" else {
      throw InvalidPostgresURL()
    }
    (self.parameters, self.servers) = (parameters, servers)
  }

  /// The URL without password and options.
  package var redacted: String {
    let user = parameters["user"].map { "\($0)@" } ?? ""
    let places = servers.map { "\($0.host):\($0.port)" }.joined(separator: ",")
    return "postgresql://\(user)\(places)/\(parameters["dbname"] ?? "")"
  }

  package var description: String { redacted }
  package var debugDescription: String { redacted }
  package var customMirror: Mirror { Mirror(self, children: ["url": redacted]) }
}

/// A database URL that cannot be parsed. It does not quote the URL, which may hold a password.
package struct InvalidPostgresURL: Error, CustomStringConvertible {
  package var description: String {
    "must be a URL such as postgresql://user:password@host:5432/database, or with several servers host:port,host:port"
  }
}

extension PostgresConfiguration {
  /// The parameters for `PQconnectStartParams` and one server, whose address is known.
  ///
  /// Nothing that a pooler might refuse: all other settings are made by `SessionSetUp`.
  func connectParameters(to server: Server, name: String) -> [(String, String)] {
    var all = parameters
    all["host"] = server.host
    all["hostaddr"] = server.address
    all["port"] = String(server.port)
    all["client_encoding"] = "UTF8"
    all["application_name"] = name
    // Negotiating with Kerberos would block; the URL can ask for it.
    all["gssencmode"] = parameters["gssencmode"] ?? "disable"
    all["target_session_attrs"] = parameters["target_session_attrs"] ?? "read-write"
    // A peer that vanished while a connection was idle is noticed within half a minute.
    all["keepalives_idle"] = parameters["keepalives_idle"] ?? "15"
    all["keepalives_interval"] = parameters["keepalives_interval"] ?? "5"
    all["keepalives_count"] = parameters["keepalives_count"] ?? "3"
    return all.map { ($0.key, $0.value) }
  }
}

extension PostgresConfiguration {
  /// The version of libpq, as `15.14`.
  package static var libraryVersion: String {
    let number = PQlibVersion()
    return "\(number / 10_000).\(number % 10_000)"
  }
}
