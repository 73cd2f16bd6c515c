package import EventLoop

/// A client of one server, whose one connection carries the commands of all callers, in one write per turn: the driver of
/// `RedisSession`.
///
/// From `start()` until `close()` it connects by itself, again and again. Without a connection a call fails at once as
/// `unavailable`. A call without an answer at its deadline is `outcomeUnknown`; if the server has said nothing since the
/// call was sent, the connection is closed with everything in flight.
///
/// A server that refuses what concerns every call is left: the host is looked up anew, and the next server has to pass
/// the login. Once a second the login's last step is repeated, so that `trouble` is known without a caller.
@LoopActor
package final class RedisClient {
  package typealias Handler = @LoopActor (Result<[RedisReply], RedisError>) -> Void
  package typealias Resolver = @LoopActor (_ host: String, _ port: Int) async throws -> [SocketAddress]

  /// A struct, because a bare closure would be wrapped once more for each call.
  private struct Caller {
    let tell: Handler
  }

  private static let connectTimeout = Duration.seconds(2)
  private static let trialInterval = Duration.seconds(1)
  private static let noHandshake =
    "no TLS handshake within \(connectTimeout.milliseconds) ms (does the server speak TLS?)"
  private static let noConnection = "no connection within \(connectTimeout.milliseconds) ms"

  private let configuration: RedisConfiguration
  private let seam: (any CallSeam)?
  private let resolve: Resolver
  private var session: RedisSession<Caller>
  private var connection: RedisConnection?
  private var isFlushPlanned = false
  private var expiry: LoopTimer?
  private var waiters: [Completion<Void>] = []
  private var told = ToldTroubles()

  /// Called when transactions are no longer carried out, again for each further reason, and with nil when they are again.
  package var onTrouble: (@LoopActor (RedisTrouble?) -> Void)?
  /// Called after each login.
  var onReady: (@LoopActor () -> Void)?

  /// - Parameters:
  ///   - name: shown by `CLIENT LIST`; letters, digits and dashes.
  ///   - maxPending: calls in flight at most; more are refused as `unavailable`.
  ///   - trial: commands of a transaction that needs every right that the caller needs and changes nothing in the end.
  ///     Without them a connection is ready as soon as the server answers a PING.
  ///   - isNode: the server is to be a node of a cluster, and its redirections are the caller's to follow.
  ///   - resolve: the addresses of the host, which are tried in turn.
  package init(
    configuration: RedisConfiguration, name: String, maxPending: Int = 65_536, seam: (any CallSeam)? = nil,
    trial: [[String]] = [], isNode: Bool = false,
    resolve: @escaping Resolver = RedisClient.lookUp
  ) {
    (self.configuration, self.seam, self.resolve) = (configuration, seam, resolve)
    session = RedisSession(
      login: configuration.login(name: name, trial: trial, isNode: isNode), maxPending: maxPending,
      loginTimeout: RedisClient.connectTimeout, isNode: isNode)
  }

  /// With a deadline: an abandoned look-up must not keep one of the few threads for look-ups, nor its place before them.
  package static func lookUp(_ host: String, _ port: Int) async throws -> [SocketAddress] {
    try await EventLoop.shared.resolve(host: host, port: port, deadline: .now + connectTimeout)
  }

  package var isConnected: Bool { session.phase == .ready }
  /// Why transactions are not carried out now; nil while they are.
  package var trouble: RedisTrouble? { session.trouble }
  package var statistics: RedisStatistics { session.statistics }

  package func start() {
    if session.start() { connect() }
  }

  /// Waits for a connection. - Throws: `RedisError.unavailable`, which says why there was none until the deadline.
  package func connected(deadline: Instant) async throws {
    guard !isConnected else { return }
    let waiter = Completion<Void>()
    waiters.append(waiter)
    do { try await waiter.value(deadline: deadline) } catch is DeadlineExceeded {
      throw RedisError.unavailable(trouble?.reason ?? RedisClient.noConnection)
    }
  }

  /// Ends the connection; the outcome of what is in flight is unknown.
  package func close() {
    let reason = "closed by this program"
    let loss = session.stop(reason)
    connection?.close(reason)
    suffer(loss)
    let abandoned = waiters
    waiters = []
    for waiter in abandoned { waiter.fail(RedisError.unavailable(reason)) }
  }

  // MARK: - Calls

  /// One command. - Throws: `RedisError`.
  package func command(_ arguments: [String], deadline: Instant) async throws -> RedisReply {
    try await commands([arguments], deadline: deadline)[0]
  }

  /// Several commands in one write, each on its own; their replies in order. - Throws: `RedisError`, the first one.
  package func commands(_ commands: [[String]], deadline: Instant) async throws -> [RedisReply] {
    let answers = commands.map { arguments in
      let answer = Completion<[RedisReply]>()
      send(.command, deadline: deadline, write: { $0.command(arguments) }, completion: { answer.resolve($0) })
      return answer
    }
    var replies: [RedisReply] = []
    for answer in answers { replies += try await answer.value() }
    return replies
  }

  /// MULTI, the commands, EXEC; the replies that EXEC gave, none of them an error. - Throws: `RedisError`.
  package func transaction(_ commands: [[String]], deadline: Instant) async throws -> [RedisReply] {
    let answer = Completion<[RedisReply]>()
    transaction(
      deadline: deadline, write: { for command in commands { $0.command(command) } },
      completion: { answer.resolve($0) })
    return try await answer.value()
  }

  /// The same without a task: `completion` is called once, and never before this returns if the call was sent.
  package func transaction(
    deadline: Instant, write: (inout RedisWriter) -> Void, completion: @escaping Handler
  ) {
    send(.transaction, deadline: deadline, write: write, completion: completion)
  }

  /// One command without a task.
  package func command(
    deadline: Instant, write: (inout RedisWriter) -> Void, completion: @escaping Handler
  ) {
    send(.command, deadline: deadline, write: write, completion: completion)
  }

  private func send(
    _ kind: RedisCallKind, deadline: Instant, write: (inout RedisWriter) -> Void,
    completion: @escaping Handler
  ) {
    let now = Instant.now
    if let refusal = session.refusalInPlace(now: now, deadline: deadline) {
      return completion(.failure(refusal))
    }
    let caller = Caller(tell: completion)
    if let seam, !seam.isClear {
      let held = session.hold(kind, write: write)
      seam.begin(.call, deadline: deadline) { [self] permit in
        release(held, permit, asked: now, deadline: deadline, caller)
      }
    } else {
      sent(session.send(kind, now: now, deadline: deadline, caller, write: write))
    }
  }

  /// A call that is encoded already. `completion` is called once.
  func send(_ held: HeldRedisCall, deadline: Instant, completion: @escaping Handler) {
    let now = Instant.now
    if let refusal = session.refusalInPlace(now: now, deadline: deadline) {
      return completion(.failure(refusal))
    }
    let caller = Caller(tell: completion)
    guard let seam, !seam.isClear else {
      return sent(session.send(held, now: now, deadline: deadline, caller))
    }
    session.hold()
    seam.begin(.call, deadline: deadline) { [self] permit in
      release(held, permit, asked: now, deadline: deadline, caller)
    }
  }

  private func release(
    _ held: HeldRedisCall, _ permit: CallPermit, asked: Instant, deadline: Instant, _ caller: Caller
  ) {
    switch session.release(
      held, permit, asked: asked, now: .now, deadline: deadline, heard: connection?.lastReceivedAt, caller)
    {
    case .sent(let wake): sent(wake)
    case .tell(let error, let cuts):
      caller.tell(.failure(error))
      if cuts { connection?.close(RedisSession<Caller>.noAnswer) }
    }
  }

  // MARK: - Connection

  private func connect() {
    let attempt = session.attempt
    EventLoop.shared.spawn { [self] in
      do {
        try await askSeam()
        guard session.isCurrent(attempt) else { return }
        limitLookup(attempt)
        let addresses = try await resolve(configuration.host, configuration.port)
        guard session.isCurrent(attempt) else { return }
        guard !addresses.isEmpty else { throw RedisError.unavailable("\(configuration.host) has no address") }
        try open(addresses[session.address(of: addresses.count)], attempt)
      } catch {
        lost(attempt, "\(error)")
      }
    }
  }

  /// A look-up that never ends must not end the attempts.
  private func limitLookup(_ attempt: Int) {
    EventLoop.shared.schedule(after: RedisClient.connectTimeout) { [weak self] in
      guard let self, session.isLate(attempt), connection == nil else { return }
      lost(attempt, "the name service did not answer in time")
    }
  }

  private func askSeam() async throws(RedisError) {
    guard let seam, !seam.isClear else { return }
    switch await seam.permit(.connect, deadline: .now + RedisClient.connectTimeout) {
    case .proceed, .proceedUnanswered: break
    case .refused(let reason): throw .unavailable(reason)
    case .silent: throw .unavailable(RedisClient.noConnection)
    }
  }

  private func open(_ address: SocketAddress, _ attempt: Int) throws(RedisError) {
    let connection = try RedisConnection(
      address, of: configuration,
      onOpen: { [weak self] in
        guard let self else { return }
        sent(session.opened(now: .now))
      },
      onReplies: { [weak self] in self?.receiveAll(of: $0) },
      onClose: { [weak self] in self?.lost(attempt, $0) })
    self.connection = connection
    seam?.opened(connection)
    EventLoop.shared.schedule(after: RedisClient.connectTimeout) { [weak self] in
      guard let self, session.isLate(attempt) else { return }
      let isSecuring = self.connection?.state == .securing
      self.connection?.close(isSecuring ? RedisClient.noHandshake : RedisClient.noConnection)
    }
  }

  private func lost(_ attempt: Int, _ reason: String) {
    if let loss = session.lost(attempt, reason) { suffer(loss) }
  }

  private func suffer(_ loss: RedisLoss<Caller>) {
    connection = nil
    expiry?.cancel()
    expiry = nil
    for caller in loss.callers { caller.tell(.failure(loss.error)) }
    takeNews()
    guard let pause = loss.pause else { return }
    let attempt = session.attempt
    EventLoop.shared.schedule(after: pause) { [weak self] in
      guard let self, session.retry(after: attempt) else { return }
      connect()
    }
  }

  private func receiveAll(of connection: RedisConnection) {
    while let reply = connection.nextReply() { receive(reply) }
  }

  private func receive(_ reply: RedisReply) {
    switch session.reply(reply) {
    case .nothing: break
    case .tell(let caller, let outcome): caller.tell(outcome)
    case .cut(let reason): connection?.close(reason)
    case .ready:
      planTrial(session.attempt)
      let ready = waiters
      waiters = []
      for waiter in ready { waiter.succeed(()) }
      onReady?()
    }
    if session.hasNews { takeNews() }
  }

  private func takeNews() {
    let end = session.takeNews()
    tellTrouble()
    if let end { connection?.close(end) }
  }

  private func tellTrouble() {
    guard session.phase != .stopped, told.isNews(session.trouble) else { return }
    onTrouble?(session.trouble)
  }

  /// Under a fault switch the callers alone meet the fault.
  private func planTrial(_ attempt: Int) {
    guard session.hasTrial else { return }
    EventLoop.shared.schedule(after: RedisClient.trialInterval) { [weak self] in
      guard let self, session.isCurrent(attempt), session.phase == .ready else { return }
      if seam?.isClear != false {
        let now = Instant.now
        sent(session.tryAgain(now: now, deadline: now + RedisClient.connectTimeout))
      }
      planTrial(attempt)
    }
  }

  // MARK: - Written calls and their deadlines

  /// - Parameter wake: when `expire` is due, if that has changed.
  private func sent(_ wake: Instant?) {
    planFlush()
    if let wake { planExpiry(at: wake) }
  }

  private func planFlush() {
    guard !isFlushPlanned else { return }
    isFlushPlanned = true
    EventLoop.shared.atTurnEnd { [self] in
      isFlushPlanned = false
      let bytes = session.takeOutput()
      if !bytes.isEmpty { connection?.write(bytes) }
    }
  }

  private func planExpiry(at time: Instant) {
    expiry?.cancel()
    expiry = EventLoop.shared.schedule(at: time) { [weak self] in self?.expire() }
  }

  private func expire() {
    expiry = nil
    guard let connection else { return }
    let overdue = session.expire(now: .now, heard: connection.lastReceivedAt)
    if let next = overdue.next { planExpiry(at: next) }
    for caller in overdue.callers { caller.tell(.failure(.outcomeUnknown(RedisSession<Caller>.noAnswer))) }
    if overdue.cuts { connection.close(RedisSession<Caller>.noAnswer) }
  }
}
