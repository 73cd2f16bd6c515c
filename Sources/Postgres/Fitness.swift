/// What a refusal says of the connection that it came over.
enum Fitness: Hashable {
  case good
  /// The server knows less, or other things, of this session than its client thinks: another connection is better.
  case confused
  /// The server takes no writes: after a failover it is the old one, or a replica. No connection to it is of use.
  case wrongServer

  /// What a refusal says that leaves the connection open.
  init(afterRefusal sqlState: String) {
    switch sqlState {
    // read_only_sql_transaction
    case "25006": self = .wrongServer
    // A prepared statement that is not there, or is another one; a plan whose table has changed.
    case "26000", "42P05", "0A000": self = .confused
    default: self = .good
    }
  }

  /// Whether the server, or a proxy in its place, has given the connection up, even if it calls that an ordinary error:
  /// connection exceptions (08), shutdowns and recovery (57P01…05), no place for one more connection (53300), an outcome
  /// that the server itself does not know (40003).
  static func endsTheConnection(_ sqlState: String) -> Bool {
    sqlState.hasPrefix("08") || sqlState.hasPrefix("57P") || sqlState == "53300" || sqlState == "40003"
  }
}
