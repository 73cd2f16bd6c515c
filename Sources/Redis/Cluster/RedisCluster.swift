package import EventLoop

/// The clients of a cluster's nodes, one a master, behind one way to call: the driver of `ClusterMachine`.
///
/// A call goes to the node that serves its key's slot. A node that sends it elsewhere (MOVED, ASK, TRYAGAIN, CLUSTERDOWN) has
/// applied nothing, so it is sent on, until its deadline and a few times at most. A call whose outcome is unknown is never
/// sent again. The keys of a transaction, and of commands that are sent together, share a slot: nothing here divides them.
///
/// The map of the slots is read anew where a node says MOVED or is lost, and while a slot is served by no node.
@LoopActor
package final class RedisCluster {
  package typealias Handler = RedisClient.Handler

  private struct Call {
    let held: HeldRedisCall
    var route: RedisRoute
    let deadline: Instant
    let tell: Handler
  }

  private final class Node {
    let address: RedisAddress
    let client: RedisClient
    /// Of the latest trial; nil: it was carried out.
    var verdict: RedisTrouble?
    /// A key with this tag is in a slot of the node.
    var tag: Int?
    /// When a call was last sent on to it: it may be about to get its first slot.
    var neededUntil = Instant.now

    init(_ address: RedisAddress, _ client: RedisClient, _ verdict: RedisTrouble?) {
      (self.address, self.client, self.verdict) = (address, client, verdict)
    }

    @LoopActor var trouble: RedisTrouble? { client.isConnected ? verdict : client.trouble ?? verdict }
  }

  private static let interval = Duration.seconds(1)
  private static let patience = Duration.seconds(2)
  /// How long a call waits for a node that it was sent on to and that is not connected yet.
  private static let connectPatience = Duration.milliseconds(400)
  private static let neededFor = Duration.seconds(10)
  /// Of what is only about to be: nobody has to be told.
  private static let notYet = RedisTrouble(.unreachable, "not connected yet")

  private let configuration: RedisConfiguration
  private let makeClient: @LoopActor (RedisConfiguration) -> RedisClient
  private let seam: (any CallSeam)?
  private let trial: [[String]]
  private var machine = ClusterMachine()
  private var nodes: [RedisAddress: Node] = [:]
  private var turn = 0
  private var isStarted = false
  private var refreshTimer: LoopTimer?
  /// Why there is no map.
  private var mapTrouble = RedisCluster.notYet
  private var told = ToldTroubles()
  private var waiters: [Completion<Void>] = []
  /// Of clients that were given up.
  private var past = RedisStatistics()
  /// Where the last WATCH was said: the transaction after it must go there, or nowhere.
  private var watched: (address: RedisAddress, isAsking: Bool)?

  /// Called when a part of the keys is no longer served, again for each further reason, and with nil when all are again.
  package var onTrouble: (@LoopActor (RedisTrouble?) -> Void)?
  /// Called with the first map that serves something: it is a cluster.
  var onMap: (@LoopActor () -> Void)?

  /// - Parameters:
  ///   - configuration: nodes to begin with, in any state and any number.
  ///   - trial: as for `RedisClient`; the second word of each command is a key with braces. Each master carries it out, on a
  ///     key of its own.
  package init(
    configuration: RedisConfiguration, name: String, maxPending: Int = 65_536, seam: (any CallSeam)? = nil,
    trial: [[String]] = [], resolve: @escaping RedisClient.Resolver = RedisClient.lookUp
  ) {
    (self.configuration, self.seam, self.trial) = (configuration, seam, trial)
    makeClient = { configuration in
      RedisClient(
        configuration: configuration, name: name, maxPending: maxPending, seam: seam, isNode: true,
        resolve: resolve)
    }
  }

  package func start() {
    guard !isStarted else { return }
    isStarted = true
    for address in configuration.addresses { _ = node(address) }
    planTrials()
  }

  /// Ends the connections; the outcome of what is in flight is unknown.
  package func close() {
    isStarted = false
    refreshTimer?.cancel()
    for node in nodes.values { retire(node) }
    let abandoned = waiters
    waiters = []
    for waiter in abandoned { waiter.fail(RedisError.unavailable("closed by this program")) }
  }

  /// Whether some keys can be asked for.
  package var isConnected: Bool { machine.serving.contains { nodes[$0]?.client.isConnected == true } }

  /// Why a part of the keys is not served; nil: all are.
  package var trouble: RedisTrouble? {
    guard machine.hasMap else {
      let seeds = configuration.addresses.compactMap { nodes[$0]?.client }
      return seeds.contains(where: \.isConnected) ? mapTrouble : seeds.first?.trouble ?? Self.notYet
    }
    return machine.trouble { nodes[$0].map(\.trouble) ?? Self.notYet }
  }

  package var statistics: RedisStatistics {
    var sum = past
    for node in nodes.values { sum.add(node.client.statistics) }
    sum.redirects = machine.redirects
    return sum
  }

  /// Waits until all keys are served. - Throws: `RedisError.unavailable`, which says why they were not until the deadline.
  package func connected(deadline: Instant) async throws {
    guard trouble != nil else { return }
    let waiter = Completion<Void>()
    waiters.append(waiter)
    do { try await waiter.value(deadline: deadline) } catch is DeadlineExceeded {
      throw RedisError.unavailable(trouble?.reason ?? "no answer")
    }
  }

  /// The clients of the masters, for what is asked of each node.
  package var masters: [RedisClient] { machine.serving.compactMap { nodes[$0]?.client } }

  // MARK: - Calls

  /// MULTI, the commands, EXEC. `completion` is called once.
  ///
  /// After `commands` with a WATCH it goes where that was said, and is `aborted` where the slot is no longer served there.
  package func transaction(
    deadline: Instant, write: (inout RedisWriter) -> Void, completion: @escaping Handler
  ) {
    let held = HeldRedisCall(.transaction, write)
    guard let watched else { return send(held, deadline: deadline, completion) }
    self.watched = nil
    guard let slot = held.slot else { return completion(.failure(.unavailable(Self.noKey))) }
    let call = Call(
      held: held, route: RedisRoute(slot: slot, isPinned: true), deadline: deadline, tell: completion)
    send(call, to: watched.address, isAsking: watched.isAsking)
  }

  /// One command. `completion` is called once.
  package func command(
    deadline: Instant, write: (inout RedisWriter) -> Void, completion: @escaping Handler
  ) {
    send(HeldRedisCall(.command, write), deadline: deadline, completion)
  }

  /// Several commands in one write, each on its own, to the node of the first key; their replies in order. Where that node
  /// sends one of them elsewhere, all are sent there: the callers send what may be said twice.
  ///
  /// A single command without a key goes to every master, and the first good reply counts.
  ///
  /// - Throws: `RedisError`, the first one.
  package func commands(_ commands: [[String]], deadline: Instant) async throws -> [RedisReply] {
    let helds = commands.map { arguments in HeldRedisCall(.command) { $0.command(arguments) } }
    guard let slot = helds.lazy.compactMap(\.slot).first else {
      guard helds.count == 1 else { throw RedisError.unavailable(Self.noKey) }
      return try await everywhere(helds[0], deadline: deadline)
    }
    var route = RedisRoute(slot: slot)
    var next: (address: RedisAddress, isAsking: Bool)? = owner(of: slot).map { ($0, false) }
    while let target = next {
      do {
        let replies = try await together(helds, to: target.address, target.isAsking, deadline: deadline)
        if commands.contains(where: { $0.first == "WATCH" }) { watched = target }
        return replies
      } catch let error as RedisError {
        switch answer(&route, error, from: target.address, deadline: deadline) {
        case .tell(let error): throw error
        case .send(let address, let isAsking):
          await reach(address, deadline: deadline)
          next = (address, isAsking)
        case .pause(let pause):
          await EventLoop.shared.sleep(for: pause)
          next = owner(of: slot).map { ($0, false) }
        }
      }
    }
    throw unserved
  }

  private func together(
    _ helds: [HeldRedisCall], to address: RedisAddress, _ isAsking: Bool, deadline: Instant
  ) async throws -> [RedisReply] {
    let client = node(address).client
    let answers = helds.map { held in
      let answer = Completion<[RedisReply]>()
      client.send(held.asking(isAsking), deadline: deadline) { answer.resolve($0) }
      return answer
    }
    var replies: [RedisReply] = []
    for answer in answers { replies += try await answer.value() }
    return replies
  }

  private static let noKey = "a cluster cannot be asked for this: it has no key"

  private func send(_ held: HeldRedisCall, deadline: Instant, _ completion: @escaping Handler) {
    guard let slot = held.slot else { return completion(.failure(.unavailable(Self.noKey))) }
    guard let owner = owner(of: slot) else { return completion(.failure(unserved)) }
    send(
      Call(held: held, route: RedisRoute(slot: slot), deadline: deadline, tell: completion), to: owner,
      isAsking: false)
  }

  private func send(_ call: Call, to address: RedisAddress, isAsking: Bool) {
    node(address).client.send(call.held.asking(isAsking), deadline: call.deadline) { [self] result in
      switch result {
      case .success: call.tell(result)
      case .failure(let error): failed(call, error, at: address)
      }
    }
  }

  private func failed(_ call: Call, _ error: RedisError, at source: RedisAddress) {
    var call = call
    switch answer(&call.route, error, from: source, deadline: call.deadline) {
    case .tell(let error): call.tell(.failure(error))
    case .send(let address, let isAsking):
      guard !node(address).client.isConnected else { return send(call, to: address, isAsking: isAsking) }
      EventLoop.shared.spawn { [self, call] in
        await reach(address, deadline: call.deadline)
        send(call, to: address, isAsking: isAsking)
      }
    case .pause(let pause):
      EventLoop.shared.schedule(after: pause) { [self, call] in
        guard let owner = owner(of: call.route.slot) else { return call.tell(.failure(unserved)) }
        send(call, to: owner, isAsking: false)
      }
    }
  }

  private func answer(
    _ route: inout RedisRoute, _ error: RedisError, from source: RedisAddress, deadline: Instant
  ) -> ClusterMachine.Step {
    let step = machine.answer(&route, error, from: source, now: .now, deadline: deadline)
    planRefresh()
    return step
  }

  /// A node that is new here has to be connected first.
  private func reach(_ address: RedisAddress, deadline: Instant) async {
    let node = node(address)
    node.neededUntil = .now + Self.neededFor
    // Without a connection the call fails, and says why.
    try? await node.client.connected(deadline: min(deadline, .now + Self.connectPatience))
  }

  private func owner(of slot: Int) -> RedisAddress? {
    if let owner = machine.owner(of: slot) { return owner }
    machine.wantRefresh()
    planRefresh()
    return nil
  }

  private var unserved: RedisError {
    .unavailable(trouble?.reason ?? "the slot is served by no node")
  }

  private func everywhere(_ held: HeldRedisCall, deadline: Instant) async throws -> [RedisReply] {
    let answers = masters.map { client in
      let answer = Completion<[RedisReply]>()
      client.send(held, deadline: deadline) { answer.resolve($0) }
      return answer
    }
    var reply: [RedisReply]?
    var failure: any Error = unserved
    for answer in answers {
      do {
        let one = try await answer.value()
        reply = reply ?? one
      } catch { failure = error }
    }
    guard let reply else { throw failure }
    return reply
  }

  // MARK: - The nodes

  private func node(_ address: RedisAddress) -> Node {
    if let known = nodes[address] { return known }
    let node = Node(address, makeClient(configuration.at(address)), trial.isEmpty ? nil : Self.notYet)
    nodes[address] = node
    node.client.onReady = { [weak self, weak node] in
      if let self, let node { ready(node) }
    }
    node.client.onTrouble = { [weak self] _ in self?.changed() }
    if isStarted { node.client.start() }
    return node
  }

  private func ready(_ node: Node) {
    if !machine.hasMap { planRefresh() }
    attempt(node)
    changed()
  }

  private func retire(_ node: Node) {
    nodes[node.address] = nil
    (node.client.onReady, node.client.onTrouble) = (nil, nil)
    node.client.close()
    var statistics = node.client.statistics
    statistics.inFlight = 0
    past.add(statistics)
  }

  /// The state of a node or the map has changed.
  private func changed() {
    guard isStarted else { return }
    let trouble = trouble
    if trouble == nil {
      let served = waiters
      waiters = []
      for waiter in served { waiter.succeed(()) }
    } else if machine.serving.contains(where: { nodes[$0]?.client.isConnected != true }) {
      machine.wantRefresh()
      planRefresh()
    }
    if trouble?.reason.hasSuffix(Self.notYet.reason) == true { return }
    if told.isNews(trouble) { onTrouble?(trouble) }
  }

  /// Clients that no slot and no caller needs any more.
  private func retireUnneeded() {
    guard machine.hasMap else { return }
    let serving = Set(machine.serving)
    let hasContact = isConnected
    for node in Array(nodes.values) where !serving.contains(node.address) {
      // Without a master that answers, anybody may know better.
      guard hasContact, node.neededUntil < .now, node.client.statistics.inFlight == 0 else { continue }
      retire(node)
    }
  }

  // MARK: - The map

  private func planRefresh() {
    guard isStarted, refreshTimer == nil, let due = machine.refreshDue(now: .now) else { return }
    refreshTimer = EventLoop.shared.schedule(at: due) { [weak self] in
      guard let self else { return }
      refreshTimer = nil
      EventLoop.shared.spawn { await self.refresh() }
    }
  }

  private func refresh() async {
    guard isStarted, machine.refreshDue(now: .now) != nil else { return }
    machine.refreshBegins(now: .now)
    // Under a fault switch the callers alone meet the fault.
    let map = seam?.isClear != false || !machine.hasMap ? await ask() : nil
    guard isStarted else { return }
    machine.refreshEnded(map)
    if !machine.serving.isEmpty, let onMap {
      self.onMap = nil
      onMap()
    }
    for address in machine.serving { _ = node(address) }
    if map == nil, !isConnected {
      for address in configuration.addresses + machine.replicas { _ = node(address) }
    }
    retireUnneeded()
    changed()
    planRefresh()
  }

  /// One node after the other, so that one which knows nothing new is not asked for ever. A map that serves fewer slots than
  /// the present one counts only when every connected node gives such a one: then the fullest of them.
  private func ask() async -> SlotMap? {
    let ready = nodes.values.filter(\.client.isConnected).sorted { "\($0.address)" < "\($1.address)" }
    guard !ready.isEmpty else { return nil }
    turn &+= 1
    var fullest: SlotMap?
    for offset in ready.indices {
      guard let map = await ask(ready[(turn + offset) % ready.count]) else { return nil }
      if machine.trusts(map) { return map }
      if map.served >= fullest?.served ?? 0 { fullest = map }
    }
    return fullest
  }

  private func ask(_ node: Node) async -> SlotMap? {
    do {
      let reply = try await node.client.command(["CLUSTER", "SLOTS"], deadline: .now + Self.patience)
      if let map = SlotMap(reply, from: node.address) { return map }
      mapTrouble = RedisTrouble(.refused, "\(node.address) answered CLUSTER SLOTS with something else")
    } catch RedisError.server(let message) {
      mapTrouble = RedisTrouble(said: message, context: "\(node.address) refused CLUSTER SLOTS: ")
    } catch { mapTrouble = RedisTrouble(.unreachable, "\(node.address) did not answer CLUSTER SLOTS") }
    return nil
  }

  // MARK: - Trials

  private func planTrials() {
    EventLoop.shared.schedule(after: Self.interval) { [weak self] in
      guard let self, isStarted else { return }
      for address in machine.serving {
        if let node = nodes[address] { attempt(node) }
      }
      retireUnneeded()
      changed()
      planTrials()
    }
  }

  /// Has a master show that it and the role can do what will be asked of them.
  private func attempt(_ node: Node) {
    guard !trial.isEmpty, node.client.isConnected, seam?.isClear != false,
      let tag = machine.tag(for: node.address, last: node.tag)
    else { return }
    node.tag = tag
    let commands = trial.map { command in
      [command[0], Self.tagged(command[1], tag)] + command.dropFirst(2)
    }
    let held = HeldRedisCall(.transaction) { writer in
      for command in commands { writer.command(command) }
    }
    let call = Call(
      held: held, route: RedisRoute(slot: machine.slot(ofTag: tag)), deadline: .now + Self.patience,
      tell: { [weak self, weak node] result in
        guard let self, let node else { return }
        switch result {
        case .success: node.verdict = nil
        case .failure(.unavailable(let words)): node.verdict = RedisTrouble(.cluster, words)
        case .failure(.outcomeUnknown(let words)): node.verdict = RedisTrouble(.unreachable, words)
        case .failure(.aborted(let words)), .failure(.server(let words)):
          node.verdict = RedisTrouble(said: words, context: "the server refused a transaction: ")
        }
        changed()
      })
    send(call, to: node.address, isAsking: false)
  }

  /// The same key with this between its braces.
  private static func tagged(_ key: String, _ tag: Int) -> String {
    guard let open = key.firstIndex(of: "{"), let close = key[open...].firstIndex(of: "}") else {
      return "\(key){\(tag)}"
    }
    return "\(key[...open])\(tag)\(key[close...])"
  }
}

extension HeldRedisCall {
  fileprivate func asking(_ isAsking: Bool) -> HeldRedisCall {
    var call = self
    call.isAsking = isAsking
    return call
  }
}
