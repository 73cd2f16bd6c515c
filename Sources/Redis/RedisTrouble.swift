/// Why a transaction cannot be carried out now.
package struct RedisTrouble: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// No connection, or no answer.
    case unreachable
    /// AUTH or SELECT was refused, or a password is missing.
    case loginRefused
    /// The server copies another one and takes no writes: usually after a failover.
    case replica
    /// To a client of one server: the server is a node of a cluster, which serves a part of the keys only.
    case node
    /// A part of a cluster's keys is not served now.
    case cluster
    /// The role lacks a right.
    case forbidden
    case loading
    case outOfMemory
    /// A script keeps the server busy.
    case busy
    /// Any other refusal, for example of every write while the server cannot save its data.
    case refused
  }

  package let kind: Kind
  /// For the log: in the server's words where it has said something. It holds no keys, members or passwords.
  package let reason: String

  package init(_ kind: Kind, _ reason: String) { (self.kind, self.reason) = (kind, reason) }

  /// What a server's error message means for all calls.
  init(said message: String, context: String = "") {
    self.init(Kind(RedisTrouble.word(of: message)) ?? .refused, context + message)
  }

  /// The connection is kept: another one would meet the same, and single commands may still be served.
  var keepsConnection: Bool { kind == .outOfMemory || kind == .busy || kind == .cluster }

  /// The error code, which begins each message.
  static func word(of message: String) -> Substring { message.prefix { $0 != " " } }
}

extension RedisTrouble.Kind {
  /// Nil for a code that says nothing about other calls.
  init?(_ word: Substring) {
    switch word {
    case "NOAUTH", "WRONGPASS": self = .loginRefused
    case "READONLY", "MASTERDOWN": self = .replica
    case "MOVED", "ASK": self = .node
    case "CLUSTERDOWN", "TRYAGAIN", "CROSSSLOT": self = .cluster
    case "NOPERM": self = .forbidden
    case "LOADING": self = .loading
    case "OOM": self = .outOfMemory
    case "BUSY": self = .busy
    case "MISCONF", "NOREPLICAS": self = .refused
    default: return nil
    }
  }
}

extension RedisTrouble {
  /// What a failed call says about the calls after it; nil where it concerns that call alone, as `WRONGTYPE` does.
  init?(_ error: RedisError, inTransaction: Bool) {
    switch error {
    case .unavailable: return nil
    case .aborted(RedisReplies.watchedKeyChanged): return nil
    // Nothing but a refusal aborts a transaction, whatever its code.
    case .aborted(let message): self.init(said: message)
    case .server(let message), .outcomeUnknown(let message):
      guard let kind = Kind(RedisTrouble.word(of: message)) else { return nil }
      // A role may lack the right to a single command that nothing depends on.
      if kind == .forbidden, !inTransaction { return nil }
      self.init(kind, message)
    }
  }
}

/// Which reasons of a trouble have been told.
struct ToldTroubles {
  /// Different reasons that are told of one trouble: where a host's addresses fail in turn, they repeat.
  private static let reasonsATrouble = 16

  private var told: Set<RedisTrouble> = []

  /// Whether to tell it: a further reason, or, as nil, that a trouble that was told is over.
  mutating func isNews(_ trouble: RedisTrouble?) -> Bool {
    guard let trouble else {
      defer { told = [] }
      return !told.isEmpty
    }
    return told.count < Self.reasonsATrouble && told.insert(trouble).inserted
  }
}
