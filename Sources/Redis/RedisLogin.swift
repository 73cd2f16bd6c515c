/// One exchange of a login, and what its outcome means.
package struct RedisLoginStep: Sendable {
  let kind: RedisCallKind
  let commands: [[String]]
  /// Why the connection cannot be used; nil: the login goes on.
  let objection: @Sendable (Result<[RedisReply], RedisError>) -> RedisTrouble?

  package init(
    _ commands: [[String]], _ kind: RedisCallKind = .command,
    objection: @escaping @Sendable (Result<[RedisReply], RedisError>) -> RedisTrouble?
  ) {
    (self.kind, self.commands, self.objection) = (kind, commands, objection)
  }
}

extension RedisLoginStep {
  /// A command without which the connection would be the wrong one.
  package static func required(_ command: [String]) -> RedisLoginStep {
    RedisLoginStep([command]) { outcome in
      guard case .failure(.server(let message)) = outcome else { return nil }
      let word = RedisTrouble.word(of: message)
      let kind = RedisTrouble.Kind(word)
      let words = command.first == "AUTH" ? wordsOnAuth(word, kind) : message
      return RedisTrouble(kind ?? .loginRefused, "the server refused \(command.first ?? ""): \(words)")
    }
  }

  /// The code alone: what a server says of AUTH may repeat the password.
  private static func wordsOnAuth(_ word: Substring, _ kind: RedisTrouble.Kind?) -> String {
    kind == nil
      ? "\(word) (are the user and the password right, and does the server take any?)" : String(word)
  }

  /// A command that only helps an operator.
  package static func optional(_ command: [String]) -> RedisLoginStep {
    RedisLoginStep([command]) { _ in nil }
  }

  /// Asks what kind of server it is. Every role may ask; a server older than Redis 6 does not know the question, and is
  /// judged by what it refuses.
  ///
  /// - Parameter isNode: it is expected to be a node of a cluster; which of them are replicas the cluster says.
  package static func hello(isNode: Bool) -> RedisLoginStep {
    RedisLoginStep([["HELLO", "2"]]) { outcome in
      guard case .success(let replies) = outcome, case .array(let fields)? = replies.first else { return nil }
      switch (value(of: "mode", in: fields), value(of: "role", in: fields)) {
      case ("cluster", _): return isNode ? nil : RedisTrouble(.node, "the server is a node of a cluster")
      case ("standalone", _) where isNode:
        return RedisTrouble(
          .refused, "the server is no node of a cluster: name one server, or nodes of one cluster")
      case ("sentinel", _):
        return RedisTrouble(.refused, "the server is a Sentinel, which holds no data: name the primary")
      case (_, "replica"), (_, "slave"):
        return RedisTrouble(.replica, "READONLY: the server is a replica of another one")
      default: return nil
      }
    }
  }

  private static func value(of name: String, in fields: [RedisReply]) -> String? {
    guard let index = fields.firstIndex(where: { $0.text == name }), index + 1 < fields.count else {
      return nil
    }
    return fields[index + 1].text
  }

  /// A server that still loads its data does not answer this. A role without the right to ask is no reason to stay away.
  package static var ping: RedisLoginStep {
    RedisLoginStep([["PING"]]) { outcome in
      guard case .failure(.server(let message)) = outcome,
        RedisTrouble.Kind(RedisTrouble.word(of: message)) != .forbidden
      else { return nil }
      return RedisTrouble(said: message, context: "the server refused PING: ")
    }
  }

  /// A transaction in which the server and the role show that they can do what will be asked of them.
  package static func trial(_ commands: [[String]]) -> RedisLoginStep {
    RedisLoginStep(commands, .transaction) { outcome in
      guard case .failure(let error) = outcome else { return nil }
      switch error {
      case .unavailable(let message), .outcomeUnknown(let message), .aborted(let message),
        .server(let message):
        return RedisTrouble(said: message, context: "the server refused a transaction: ")
      }
    }
  }
}

extension RedisConfiguration {
  /// - Parameter trial: commands of a transaction that changes nothing in the end and needs every right that the program
  ///   needs; empty: a PING.
  func login(name: String, trial: [[String]], isNode: Bool = false) -> [RedisLoginStep] {
    var steps: [RedisLoginStep] = []
    if let password { steps.append(.required(["AUTH"] + [user, password].compactMap { $0 })) }
    steps.append(.hello(isNode: isNode))
    if database != 0 { steps.append(.required(["SELECT", String(database)])) }
    steps.append(.optional(["CLIENT", "SETNAME", name]))
    return steps + [trial.isEmpty ? .ping : .trial(trial)]
  }
}
