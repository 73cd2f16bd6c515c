import EventLoop
import Operations
import Redis

extension RedisAccess {
  /// Logs what the server said when transactions are no longer carried out, and when they are again.
  func tellTroubles(to log: Log, of server: RedisConfiguration) {
    onTrouble = { trouble in
      guard let trouble else { return log.info("Redis can be used again", ["server": "\(server)"]) }
      log.warning("Redis cannot be used", ["reason": trouble.reason, "server": "\(server)"])
    }
  }
}

extension RedisTrouble.Kind {
  /// For `/readyz`, which strangers may read: what the server said is in the log.
  var phrase: String {
    switch self {
    case .unreachable: "the admission gate does not answer"
    case .loginRefused: "the admission gate refuses the login"
    case .replica: "the admission gate is a read-only replica"
    case .node: "the admission gate is a node of a cluster whose map cannot be read"
    case .cluster: "a part of the admission gate's cluster is not served"
    case .forbidden: "this program's role at the admission gate lacks a right"
    case .loading: "the admission gate is loading its data"
    case .outOfMemory: "the admission gate has no memory left"
    case .busy: "the admission gate is busy with a script"
    case .refused: "the admission gate refuses writes"
    }
  }
}
