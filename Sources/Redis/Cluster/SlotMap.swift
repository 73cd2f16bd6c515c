/// What a node says about which node serves which slots: its answer to `CLUSTER SLOTS`.
package struct SlotMap: Hashable, Sendable {
  package struct Range: Hashable, Sendable {
    package let slots: ClosedRange<Int>
    package let master: RedisAddress
    package let replicas: [RedisAddress]

    package init(slots: ClosedRange<Int>, master: RedisAddress, replicas: [RedisAddress] = []) {
      (self.slots, self.master, self.replicas) = (slots, master, replicas)
    }
  }

  package let ranges: [Range]

  package init(ranges: [Range]) { self.ranges = ranges }

  /// How many slots somebody serves.
  package var served: Int { ranges.reduce(0) { $0 + $1.slots.count } }

  /// - Parameter source: the node that answered. A node that does not know its own address names none.
  /// - Returns: nil for what is no such answer.
  package init?(_ reply: RedisReply, from source: RedisAddress) {
    guard case .array(let rows) = reply else { return nil }
    var ranges: [Range] = []
    for row in rows {
      guard case .array(let fields) = row, fields.count >= 3, let first = fields[0].integer,
        let last = fields[1].integer, 0 <= first, first <= last, last < KeySlot.count
      else { return nil }
      let nodes = fields[2...].map { SlotMap.address($0, source) }
      // A master whose address nobody knows serves nobody.
      guard let master = nodes[0] else { continue }
      ranges.append(
        Range(
          slots: Int(first)...Int(last), master: master, replicas: nodes.dropFirst().compactMap { $0 }))
    }
    self.init(ranges: ranges)
  }

  private static func address(_ node: RedisReply, _ source: RedisAddress) -> RedisAddress? {
    guard case .array(let fields) = node, fields.count >= 2, let port = fields[1].integer,
      (1...65_535).contains(port)
    else { return nil }
    let host = fields[0].text ?? ""
    return host == "?" ? nil : RedisAddress(host.isEmpty ? source.host : host, Int(port))
  }
}

/// A node's answer that the call belongs elsewhere, or not here yet. Nothing was applied.
package enum RedisRedirect: Hashable, Sendable {
  /// The slot is another node's from now on. A nil host: the one that answered.
  case moved(slot: Int, host: String?, port: Int)
  /// The slot is under way to this node, and the key has gone there already: for this call alone.
  case ask(host: String?, port: Int)
  /// Again, after a pause: keys are between two nodes, or nobody serves the slot now.
  case later

  /// Nil for an error that says nothing of the kind, or after which a call may have been applied.
  package init?(_ error: RedisError) {
    switch error {
    case .server(let message), .aborted(let message): self.init(said: message)
    case .unavailable, .outcomeUnknown: return nil
    }
  }

  /// Of `MOVED 3999 127.0.0.1:6381`, for example.
  private init?(said message: String) {
    let words = message.split(separator: " ")
    switch words.first {
    case "TRYAGAIN", "CLUSTERDOWN": self = .later
    case "MOVED", "ASK":
      // The port follows the last colon: an IPv6 address has more of them, and no brackets.
      guard words.count == 3, let slot = Int(words[1]), (0..<KeySlot.count).contains(slot),
        let colon = words[2].lastIndex(of: ":"), let port = Int(words[2][colon...].dropFirst()),
        (1...65_535).contains(port)
      else { return nil }
      let host = words[2][..<colon]
      let name = host.isEmpty || host == "?" ? nil : String(host)
      self = words[0] == "MOVED" ? .moved(slot: slot, host: name, port: port) : .ask(host: name, port: port)
    default: return nil
    }
  }
}
