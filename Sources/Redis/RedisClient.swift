package import EventLoop

/// A client with one connection that carries everybody's commands, in one write a turn.
///
/// It connects by itself, again and again, from `start()` until `close()`. Without a connection a call fails at once
/// as `unavailable`. A call that is not answered by its deadline is `outcomeUnknown`; if nothing at all has come since it
/// was sent, the connection is thrown away with everything that is in flight.
@LoopActor
package final class RedisClient {
  package struct Statistics: Sendable {
    package var inFlight = 0
    package var connects = 0
    package var timeouts = 0
  }

  private static let connectTimeout = Duration.seconds(2)
  private static let retryWaits: [Duration] = [.milliseconds(20), .milliseconds(100), .milliseconds(500)]

  private let configuration: RedisConfiguration
  private let name: String
  private let maxPending: Int
  private let resolve: @LoopActor (_ host: String, _ port: Int) async throws -> [SocketAddress]

  private var connection: RedisConnection?
  private var generation = 0
  private var isStarted = false
  private var isLoggedIn = false
  private var failures = 0
  /// Whose turn it is among the host's addresses: an attempt that fails passes it on.
  private var turn = 0
  private var output: [UInt8] = []
  private var isFlushPlanned = false
  private var inFlight = Deque<RedisCall>()
  private var deadlineTimer: LoopTimer?
  private var deadlineTimerAt = Instant.now
  private var waiters: [Completion<Void>] = []
  private var counters = Statistics()

  private let seam: (any CallSeam)?
  /// Calls that the seam keeps back.
  private var keptBack = 0
  private static let noAnswer = "no answer before the deadline"
  private static let noConnection = "no connection within \(connectTimeout.milliseconds) ms"

  /// Why there is no connection, for people; nil while there is one.
  package private(set) var trouble: String? = "not connected yet"
  /// Called with true and false as the connection comes and goes.
  package var onConnectionChange: (@LoopActor (Bool) -> Void)?

  /// - Parameters:
  ///   - name: shown by `CLIENT LIST`; letters, digits and dashes.
  ///   - maxPending: calls in flight at most; more are refused as `unavailable`.
  ///   - resolve: the addresses of the host, each of which is tried in its turn.
  package init(
    configuration: RedisConfiguration, name: String, maxPending: Int = 65_536, seam: (any CallSeam)? = nil,
    resolve: @escaping @LoopActor (_ host: String, _ port: Int) async throws -> [SocketAddress] = {
      try await EventLoop.shared.resolve(host: $0, port: $1)
    }
  ) {
    (self.configuration, self.name, self.maxPending) = (configuration, name, maxPending)
    (self.seam, self.resolve) = (seam, resolve)
  }

  package var isConnected: Bool { isLoggedIn }

  package var statistics: Statistics {
    var now = counters
    now.inFlight = inFlight.count
    return now
  }

  package func start() {
    guard !isStarted else { return }
    isStarted = true
    connect()
  }

  /// Waits for a connection. - Throws: `DeadlineExceeded`.
  package func connected(deadline: Instant) async throws {
    guard !isLoggedIn else { return }
    let waiter = Completion<Void>()
    waiters.append(waiter)
    try await waiter.value(deadline: deadline)
  }

  /// Ends the connection; what is in flight is `outcomeUnknown`.
  package func close() {
    isStarted = false
    connection?.close("closed by this program")
    generation += 1
  }

  // MARK: - Calls

  /// One command. - Throws: `RedisError`.
  package func command(_ arguments: [String], deadline: Instant) async throws -> RedisReply {
    let answer = Completion<[RedisReply]>()
    send(.command, deadline: deadline, write: { $0.command(arguments) }, completion: { answer.resolve($0) })
    return try await answer.value().first ?? .null
  }

  /// Several commands in one write, each on its own; their replies in order. - Throws: `RedisError`, the first one.
  package func commands(_ commands: [[String]], deadline: Instant) async throws -> [RedisReply] {
    let answers = commands.map { arguments in
      let answer = Completion<[RedisReply]>()
      send(.command, deadline: deadline, write: { $0.command(arguments) }, completion: { answer.resolve($0) })
      return answer
    }
    var replies: [RedisReply] = []
    for answer in answers { replies.append(try await answer.value().first ?? .null) }
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

  /// The same without a task: `completion` is called once, never from within this call where it was sent.
  package func transaction(
    deadline: Instant, write: (inout RedisWriter) -> Void,
    completion: @escaping @LoopActor (Result<[RedisReply], RedisError>) -> Void
  ) {
    send(.transaction(commands: 0), deadline: deadline, write: write, completion: completion)
  }

  private func send(
    _ kind: RedisCall.Kind, deadline: Instant, write: (inout RedisWriter) -> Void,
    completion: @escaping @LoopActor (Result<[RedisReply], RedisError>) -> Void
  ) {
    guard isLoggedIn else { return completion(.failure(.unavailable(trouble ?? "not connected"))) }
    guard inFlight.count + keptBack < maxPending else {
      return completion(.failure(.unavailable("too many calls in flight")))
    }
    let now = Instant.now
    guard now < deadline else { return completion(.failure(.unavailable("the deadline has passed"))) }
    guard let seam, !seam.isClear else {
      return enqueue(kind, sentAt: now, deadline: deadline, write: write, completion: completion)
    }
    var bytes: [UInt8] = []
    let sent = encode(kind, into: &bytes, write)
    keptBack += 1
    seam.begin(.call, deadline: deadline) { [self, bytes] permit in
      keptBack -= 1
      switch permit {
      case .proceed where Instant.now < deadline:
        guard isLoggedIn else { return completion(.failure(.outcomeUnknown(trouble ?? "not connected"))) }
        output += bytes
        append(RedisCall(sent, sentAt: .now, deadline: deadline, completion: completion))
      case .proceed, .silent:
        counters.timeouts += 1
        completion(.failure(.outcomeUnknown(RedisClient.noAnswer)))
        if permit == .silent, let connection, connection.lastReceivedAt < now {
          disconnect(RedisClient.noAnswer)
        }
      case .refused(let reason): completion(.failure(.unavailable(reason)))
      case .proceedUnanswered:
        output += bytes
        append(
          RedisCall(sent, sentAt: now, deadline: deadline) { _ in
            completion(.failure(.outcomeUnknown("the answer was lost by a fault switch")))
          })
      }
    }
  }

  /// Writes one call; returns what its replies will be.
  private func encode(
    _ kind: RedisCall.Kind, into bytes: inout [UInt8], _ write: (inout RedisWriter) -> Void
  ) -> RedisCall.Kind {
    var writer = RedisWriter(bytes: bytes)
    bytes = []
    defer { bytes = writer.bytes }
    guard case .transaction = kind else {
      write(&writer)
      return kind
    }
    writer.command("MULTI")
    write(&writer)
    let commands = writer.commands - 1
    writer.command("EXEC")
    return .transaction(commands: commands)
  }

  // MARK: - Sending

  private func enqueue(
    _ kind: RedisCall.Kind, sentAt: Instant, deadline: Instant, write: (inout RedisWriter) -> Void,
    completion: @escaping @LoopActor (Result<[RedisReply], RedisError>) -> Void
  ) {
    let sent = encode(kind, into: &output, write)
    append(RedisCall(sent, sentAt: sentAt, deadline: deadline, completion: completion))
  }

  private func append(_ call: RedisCall) {
    inFlight.append(call)
    planFlush()
    watchDeadline(call.deadline)
  }

  private func planFlush() {
    guard !isFlushPlanned else { return }
    isFlushPlanned = true
    EventLoop.shared.atTurnEnd { [self] in
      isFlushPlanned = false
      guard !output.isEmpty, let connection else { return }
      let bytes = output
      output.removeAll(keepingCapacity: output.capacity < 1 << 20)
      connection.write(bytes)
    }
  }

  private func receive(_ reply: RedisReply) {
    guard !inFlight.isEmpty else { return disconnect("a reply to nothing that was asked") }
    let call = inFlight[0]
    guard let result = call.take(reply) else { return }
    _ = inFlight.popFirst()
    call.completion?(result)
  }

  // MARK: - Deadlines

  private func watchDeadline(_ deadline: Instant) {
    if deadlineTimer != nil {
      guard deadline < deadlineTimerAt else { return }
      deadlineTimer?.cancel()
    }
    deadlineTimerAt = deadline
    deadlineTimer = EventLoop.shared.schedule(at: deadline) { [weak self] in self?.sweep() }
  }

  /// Tells every overdue caller that its outcome is unknown, then looks again at the next deadline.
  private func sweep() {
    deadlineTimer = nil
    let now = Instant.now
    var next: Instant?
    var overdue: [@LoopActor (Result<[RedisReply], RedisError>) -> Void] = []
    var isSilent = false
    inFlight.updateEach { call in
      guard let completion = call.completion else { return }
      if call.deadline <= now {
        overdue.append(completion)
        call.completion = nil
        if let connection, connection.lastReceivedAt < call.sentAt { isSilent = true }
      } else {
        next = min(next ?? call.deadline, call.deadline)
      }
    }
    counters.timeouts += overdue.count
    if let next { watchDeadline(next) }
    for completion in overdue { completion(.failure(.outcomeUnknown(RedisClient.noAnswer))) }
    if isSilent { disconnect(RedisClient.noAnswer) }
  }

  // MARK: - Connecting

  private func connect() {
    generation += 1
    let attempt = generation
    EventLoop.shared.spawn { [self] in
      do {
        try await askSeam()
        guard attempt == generation, isStarted else { return }
        let addresses = try await resolve(configuration.host, configuration.port)
        guard attempt == generation, isStarted else { return }
        guard !addresses.isEmpty else { throw RedisError.unavailable("\(configuration.host) has no address") }
        try open(addresses[turn % addresses.count], attempt)
      } catch {
        guard attempt == generation else { return }
        lost("\(error)")
      }
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

  private func open(_ address: SocketAddress, _ attempt: Int) throws {
    let connection = try RedisConnection(
      address, onOpen: { [weak self] in self?.login() }, onReply: { [weak self] in self?.receive($0) },
      onClose: { [weak self] reason in
        guard let self, attempt == generation else { return }
        lost(reason)
      })
    self.connection = connection
    seam?.opened(connection)
    EventLoop.shared.schedule(after: RedisClient.connectTimeout) { [weak self] in
      guard let self, attempt == generation, !isLoggedIn else { return }
      disconnect(RedisClient.noConnection)
    }
  }

  /// Logs in, chooses the database and asks for a sign of life, so that a server that still loads is not taken for ready.
  private func login() {
    var commands: [[String]] = []
    if let password = configuration.password {
      commands.append(["AUTH"] + [configuration.user, password].compactMap { $0 })
    }
    if configuration.database != 0 { commands.append(["SELECT", String(configuration.database)]) }
    commands.append(["CLIENT", "SETNAME", name])
    commands.append(["PING"])
    let deadline = Instant.now + RedisClient.connectTimeout
    for (index, command) in commands.enumerated() {
      let isLast = index == commands.count - 1
      enqueue(.command, sentAt: .now, deadline: deadline, write: { $0.command(command) }) {
        [weak self] result in
        guard let self else { return }
        switch result {
        case .failure(.server(let message)): disconnect("the server refused \(command[0]): \(message)")
        case .failure: break
        case .success: if isLast { loggedIn() }
        }
      }
    }
  }

  private func loggedIn() {
    isLoggedIn = true
    failures = 0
    trouble = nil
    counters.connects += 1
    onConnectionChange?(true)
    let ready = waiters
    waiters = []
    for waiter in ready { waiter.succeed(()) }
  }

  private func disconnect(_ reason: String) {
    guard let connection else { return }
    connection.close(reason)
  }

  /// Everything in flight has an unknown outcome; a new connection is tried after a while.
  private func lost(_ reason: String) {
    let wasConnected = isLoggedIn
    if !wasConnected { turn &+= 1 }
    connection = nil
    isLoggedIn = false
    trouble = reason
    output = []
    deadlineTimer?.cancel()
    deadlineTimer = nil
    let calls = inFlight
    inFlight = Deque()
    for index in 0..<calls.count { calls[index].completion?(.failure(.outcomeUnknown(reason))) }
    if wasConnected { onConnectionChange?(false) }
    guard isStarted else { return }
    let wait = RedisClient.retryWaits[min(failures, RedisClient.retryWaits.count - 1)]
    failures += 1
    EventLoop.shared.schedule(after: wait) { [weak self] in
      guard let self, isStarted, connection == nil else { return }
      connect()
    }
  }
}
