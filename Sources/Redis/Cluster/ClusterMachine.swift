package import EventLoop

/// How far one call has been sent around.
package struct RedisRoute: Hashable, Sendable {
  package let slot: Int
  /// What it follows was said on one connection (a WATCH): elsewhere it would mean something else.
  package let isPinned: Bool
  fileprivate var redirects = 0

  package init(slot: Int, isPinned: Bool = false) { (self.slot, self.isPinned) = (slot, isPinned) }
}

/// Which node serves which slot, and what a node's refusal means for a call. Pure: it takes answers with their times and
/// returns what to do.
///
///     no map ──adopt──▶ map ──MOVED, a lost node, an unserved slot──▶ map, refresh wanted ──adopt──▶ map
///
/// A refresh is wanted often, when a node dies and thousands of calls are refused; one begins at most every `pace`.
package struct ClusterMachine {
  package enum Step: Hashable, Sendable {
    /// Send it once more; `asking`: ASKING goes before it.
    case send(to: RedisAddress, asking: Bool)
    /// Ask `owner` again after the pause, and send it there.
    case pause(Duration)
    case tell(RedisError)
  }

  /// How often one call is sent on at most. A migration takes two (MOVED to a node that is itself giving the slot away).
  package static let redirectsAtMost = 5
  package static let pace = Duration.milliseconds(250)
  private static let pause = Duration.milliseconds(100)

  /// By slot: one more than the index in `masters`, or 0 where nobody serves the slot.
  private var owners = [UInt16](repeating: 0, count: KeySlot.count)
  /// Who serves slots, or served some.
  private var masters: [RedisAddress] = []
  /// How many slots each of `masters` serves: MOVED may have taken a master's last one.
  private var counts: [Int] = []
  /// Slots that nobody serves.
  package private(set) var unserved = KeySlot.count
  /// Who does not, as far as the map says: whom to ask when every master is lost.
  package private(set) var replicas: [RedisAddress] = []
  package private(set) var hasMap = false
  private var isRefreshWanted = true
  private var isRefreshing = false
  private var refreshedAt: Instant?
  package private(set) var redirects = 0
  package private(set) var refreshes = 0

  package init() {}

  package func owner(of slot: Int) -> RedisAddress? {
    let owner = Int(owners[slot])
    return owner == 0 ? nil : masters[owner - 1]
  }

  /// What a failed call is worth: told to its caller, or sent on.
  package mutating func answer(
    _ route: inout RedisRoute, _ error: RedisError, from source: RedisAddress, now: Instant, deadline: Instant
  ) -> Step {
    guard let redirect = RedisRedirect(error) else {
      // The node may be gone for good, and another one serve its slots.
      if case .unavailable = error { wantRefresh() }
      return .tell(error)
    }
    redirects += 1
    let next = follow(redirect, from: source)
    if route.isPinned { return .tell(error) }
    route.redirects += 1
    guard route.redirects <= Self.redirectsAtMost, now < deadline else {
      return .tell(.unavailable("sent on \(route.redirects - 1) times, then: \(ClusterMachine.words(error))"))
    }
    return next
  }

  private mutating func follow(_ redirect: RedisRedirect, from source: RedisAddress) -> Step {
    switch redirect {
    case .moved(let slot, let host, let port):
      let address = RedisAddress(host ?? source.host, port)
      give(slot...slot, to: address)
      wantRefresh()
      return .send(to: address, asking: false)
    case .ask(let host, let port): return .send(to: RedisAddress(host ?? source.host, port), asking: true)
    case .later:
      wantRefresh()
      return .pause(Self.pause)
    }
  }

  private static func words(_ error: RedisError) -> String {
    switch error {
    case .unavailable(let text), .outcomeUnknown(let text), .aborted(let text), .server(let text): text
    }
  }

  // MARK: - The map

  /// Whether a node's answer needs no second opinion. One that serves fewer slots than the present map, or none, may come
  /// from a node that has lost its own.
  package func trusts(_ map: SlotMap) -> Bool { map.served > 0 && map.served >= KeySlot.count - unserved }

  package mutating func adopt(_ map: SlotMap) {
    (masters, counts, replicas, unserved) = ([], [], [], KeySlot.count)
    owners = [UInt16](repeating: 0, count: KeySlot.count)
    for range in map.ranges {
      give(range.slots, to: range.master)
      replicas += range.replicas
    }
    hasMap = true
  }

  private mutating func give(_ slots: ClosedRange<Int>, to address: RedisAddress) {
    let index: Int
    if let known = masters.firstIndex(of: address) {
      index = known
    } else {
      // More nodes than slots is nonsense, and the next map says better.
      guard masters.count < KeySlot.count else { return }
      masters.append(address)
      counts.append(0)
      index = masters.count - 1
    }
    for slot in slots {
      let former = Int(owners[slot])
      if former == 0 { unserved -= 1 } else { counts[former - 1] -= 1 }
      owners[slot] = UInt16(index + 1)
      counts[index] += 1
    }
  }

  package mutating func wantRefresh() { isRefreshWanted = true }

  /// When to ask for the map; nil: not now.
  package func refreshDue(now: Instant) -> Instant? {
    guard isRefreshWanted, !isRefreshing else { return nil }
    return refreshedAt.map { max(now, $0 + Self.pace) } ?? now
  }

  package mutating func refreshBegins(now: Instant) {
    (isRefreshing, isRefreshWanted, refreshedAt) = (true, false, now)
    refreshes += 1
  }

  /// - Parameter map: nil where no node gave one.
  package mutating func refreshEnded(_ map: SlotMap?) {
    isRefreshing = false
    if let map { adopt(map) }
    if map == nil || unserved > 0 { wantRefresh() }
  }

  /// Why calls to some slots would fail; nil: each slot has a node that serves.
  ///
  /// - Parameter trouble: of a node.
  package func trouble(_ trouble: (RedisAddress) -> RedisTrouble?) -> RedisTrouble? {
    if unserved > 0 {
      return RedisTrouble(
        .cluster, "\(unserved) of the cluster's \(KeySlot.count) slots are served by no node")
    }
    for master in serving {
      if let found = trouble(master) { return RedisTrouble(found.kind, "\(master): \(found.reason)") }
    }
    return nil
  }

  /// Who serves slots.
  package var serving: [RedisAddress] { masters.indices.filter { counts[$0] > 0 }.map { masters[$0] } }

  // MARK: - Trials

  /// A number `n` for which a key with the tag `{n}` is this node's. `last` is looked at first.
  package func tag(for address: RedisAddress, last: Int?) -> Int? {
    if let last, isTag(last, of: address) { return last }
    return (0..<Self.tagsAtMost).first { isTag($0, of: address) }
  }

  /// Each slot has a number below 109,758.
  private static let tagsAtMost = 109_758

  package func slot(ofTag tag: Int) -> Int { KeySlot.of(String(tag)) }

  private func isTag(_ number: Int, of address: RedisAddress) -> Bool {
    owner(of: slot(ofTag: number)) == address
  }
}
