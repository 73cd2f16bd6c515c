internal import Clibpq
internal import EventLoop

/// One connection: one round trip at a time, each with a deadline; any failure closes it for good.
///
///     idle ──send──▶ busy ──sync──▶ idle
///      │              │
///      └──lost────────┴──lost, deadline──▶ closed
///
/// A backend whose client has closed the connection at a deadline runs until it notices: by
/// `client_connection_check_interval`, `lock_timeout` or `statement_timeout` of the session's settings. No cancel request
/// is sent, because libpq's `PQcancel` blocks. A connection whose server says that it is the wrong one, or that it does
/// not know the session, stays open but is not used again.
@LoopActor
final class PostgresConnection {
  private enum State {
    case idle
    case busy
    case closed
  }

  /// Called once, when an idle connection is lost.
  var onLost: (() -> Void)?
  /// The pools' generation when it was opened.
  var generation = 0
  /// When it was last known to be good.
  var idleSince = Instant.now
  /// What its server's refusals say of it.
  private(set) var fitness = Fitness.good

  private var state = State.idle
  private let connection: OpaquePointer
  private let seam: (any CallSeam)?
  private var watch: DescriptorWatch?
  private var trip = Trip()
  private var waiter: UnsafeContinuation<Result<[PostgresRows], TripFailure>, Never>?
  private var timer: LoopTimer?
  /// The names under which the server knows a statement, as C's.
  private var prepared: [PostgresStatement: [CChar]] = [:]
  /// The values of the trip that is being sent.
  private var parameters = CStrings()
  private var preparations = 0
  /// Beyond this many, statements are sent unprepared: a server's memory for them is per connection.
  private static let maximumPrepared = 256

  /// Logs in and sets the session up.
  ///
  /// - Parameter group: remembers which server took the login, and what stands before it.
  static func open(
    _ configuration: PostgresConfiguration, settings: [String: String], name: String, deadline: Instant,
    seam: (any CallSeam)?, group: PoolGroup
  ) async throws(TripFailure) -> PostgresConnection {
    if let seam, !seam.isClear {
      switch await seam.permit(.connect, deadline: deadline) {
      case .proceed, .proceedUnanswered: break
      case .refused(let reason): throw .notSent(reason)
      case .silent: throw .notSent(Connector.tooLate)
      }
    }
    let generation = group.generation
    let opened = try await Connector.open(
      configuration, preferred: group.server, name: name, deadline: deadline)
    group.server = opened.server
    let connection = PostgresConnection(opened.connection, seam: seam)
    connection.generation = generation
    do {
      let answer = try await connection.exchange([SessionSetUp.command(settings)], deadline: deadline)
      let process = try SessionSetUp.read(answer[0])
      // A pooler answers with a number of its own when it takes a login.
      if process != Int64(PQbackendPID(opened.connection)), !group.sessionsAreOwn {
        group.sessionsAreOwn = try await isOwn(
          process, configuration, server: opened.server, name: name, deadline: deadline)
      }
    } catch {
      connection.close()
      if case .deadline = error { throw .notSent(Connector.tooLate) }
      if case .expired = error { throw .notSent(Connector.tooLate) }
      throw error
    }
    seam?.opened(connection)
    return connection
  }

  /// Whether a second connection gets another session than the first, which has the server's process `process`.
  ///
  /// - Returns: false if that could not be found out.
  private static func isOwn(
    _ process: Int64?, _ configuration: PostgresConfiguration, server: Int, name: String, deadline: Instant
  ) async throws(TripFailure) -> Bool {
    let limit = min(deadline, .now + .seconds(1))
    let opened: Connector.Opened
    do {
      opened = try await Connector.open(configuration, preferred: server, name: name, deadline: limit)
    } catch { return false }
    let second = PostgresConnection(opened.connection, seam: nil)
    defer { second.close() }
    let answer: [PostgresRows]
    do {
      answer = try await second.exchange([SessionSetUp.question], deadline: limit)
    } catch {
      // Who has to wait for a session does not share one.
      return error == .deadline
    }
    guard try SessionSetUp.read(answer[0]) != process else { throw SessionSetUp.shared }
    return true
  }

  private init(_ connection: OpaquePointer, seam: (any CallSeam)?) {
    (self.connection, self.seam) = (connection, seam)
    let watch = DescriptorWatch(PQsocket(connection)) { [weak self] in self?.ready($0) }
    watch.watch(.readable)
    self.watch = watch
  }

  var isOpen: Bool {
    if case .closed = state { false } else { true }
  }

  /// Open, idle and outside a transaction.
  var isReusable: Bool {
    state == .idle && fitness == .good && PQtransactionStatus(connection) == PQTRANS_IDLE
  }

  /// Whether its server still answers: one empty round trip.
  func answers(before deadline: Instant) async -> Bool {
    do {
      _ = try await exchange([], deadline: deadline)
      return true
    } catch {
      close()
      return false
    }
  }

  /// Sends the commands at once and waits for all their answers.
  ///
  /// - Returns: the answers, one for each command.
  func roundTrip(_ commands: [PostgresCommand], deadline: Instant) async throws(TripFailure) -> [PostgresRows]
  {
    var losesAnswer = false
    if let seam, !seam.isClear {
      switch await seam.permit(.call, deadline: deadline) {
      case .proceed: break
      case .proceedUnanswered: losesAnswer = true
      case .refused(let reason):
        close()
        throw .notSent(reason)
      case .silent:
        close()
        throw .deadline
      }
    }
    let rows = try await exchange(commands, deadline: deadline)
    guard losesAnswer else { return rows }
    close()
    throw .lost("the answer was lost by a fault switch")
  }

  private func exchange(
    _ commands: [PostgresCommand], deadline: Instant
  ) async throws(TripFailure) -> [PostgresRows] {
    precondition(state != .busy, "one round trip at a time")
    guard state == .idle else { throw .notSent("connection lost") }
    guard Instant.now < deadline else { throw .expired }
    try submit(commands)
    timer = EventLoop.shared.schedule(at: deadline) { [weak self] in self?.fail(.deadline) }
    let answer: Result<[PostgresRows], TripFailure> = await withUnsafeContinuation { waiter = $0 }
    return try answer.get()
  }

  /// Closes the connection; a round trip under way fails.
  func close() { fail(.lost("connection closed")) }

  // MARK: Sending

  private func submit(_ commands: [PostgresCommand]) throws(TripFailure) {
    defer { parameters.removeAll() }
    try encode(commands)
    state = .busy
    trip = Trip(commands: commands.count, endsWithCommit: commands.last?.statement == .commit)
    do {
      try send(commands)
    } catch {
      // A half-filled pipeline cannot be completed.
      abandon()
      throw error
    }
  }

  /// Before anything is sent: a value that cannot be sent refuses the whole trip.
  private func encode(_ commands: [PostgresCommand]) throws(TripFailure) {
    for command in commands {
      // The server's own error code for it; libpq would send the text up to the NUL.
      for value in command.values where !parameters.append(value) {
        throw .server(sqlState: "22021", message: "", fatal: false)
      }
    }
  }

  private func send(_ commands: [PostgresCommand]) throws(TripFailure) {
    var first = 0
    for (index, command) in commands.enumerated() {
      let values = first..<first + command.values.count
      first = values.upperBound
      guard append(command.statement, values) else {
        // Only the last command can commit, and only if it was handed to libpq.
        let isLast = index == commands.count - 1
        throw isLast ? .lost(libpqError) : .notSent(libpqError)
      }
    }
    guard PQpipelineSync(connection) == 1 else { throw .lost(libpqError) }
    flush()
    if PQstatus(connection) == CONNECTION_BAD { throw .lost(libpqError) }
  }

  /// Hands one command to libpq, preceded by its preparation if the server does not know it yet.
  private func append(_ statement: PostgresStatement, _ values: Range<Int>) -> Bool {
    var name = statement.isPrepared ? prepared[statement] : nil
    if name == nil, statement.isPrepared, prepared.count < Self.maximumPrepared {
      preparations += 1
      let new = Array("s\(preparations)".utf8CString)
      guard PQsendPrepare(connection, new, statement.sql, 0, nil) == 1 else { return false }
      prepared[statement] = new
      name = new
      trip.sent(.prepare(statement))
    }
    trip.sent(.execute)
    return Self.execute(name, statement.sql, parameters, values, connection)
  }

  /// Off the loop's actor, whose closures ask at each call which thread they run on.
  private nonisolated static func execute(
    _ name: [CChar]?, _ sql: String, _ parameters: CStrings, _ values: Range<Int>, _ connection: OpaquePointer
  ) -> Bool {
    parameters.withArguments(values) { sent in
      if let name {
        PQsendQueryPrepared(connection, name, sent.count, sent.values, sent.lengths, sent.formats, 0) == 1
      } else {
        PQsendQueryParams(connection, sql, sent.count, nil, sent.values, sent.lengths, sent.formats, 0) == 1
      }
    }
  }

  private var libpqError: String { firstLine(PQerrorMessage(connection)) }

  private func flush() {
    // 1: the rest is sent when the socket has room again. Errors show when reading.
    watch?.watch(PQflush(connection) == 1 ? [.readable, .writable] : .readable)
  }

  // MARK: Receiving

  private func ready(_ readiness: Readiness) {
    guard state != .closed else { return }
    if readiness.contains(.writable), state == .busy { flush() }
    let alive = PQconsumeInput(connection) == 1
    guard state == .busy else {
      // Nothing is expected: either a notice, which libpq handles, or the server has closed.
      _ = PQisBusy(connection)
      if !alive || PQstatus(connection) == CONNECTION_BAD { lost() }
      return
    }
    while !trip.isComplete, PQisBusy(connection) == 0 {
      let result = PQgetResult(connection)
      trip.receive(result)
      // A broken connection returns nil forever.
      if result == nil, PQstatus(connection) == CONNECTION_BAD { break }
    }
    if trip.isComplete {
      complete()
    } else if !alive || PQstatus(connection) == CONNECTION_BAD {
      lost()
    }
  }

  private func complete() {
    for statement in trip.unprepared { prepared[statement] = nil }
    if case .server(let sqlState, _, let fatal)? = trip.failure {
      if fatal { return lost() }
      fitness = Fitness(afterRefusal: sqlState)
    }
    state = .idle
    if let failure = trip.failure { finish(.failure(failure)) } else { finish(.success(trip.rows)) }
  }

  private func lost() { fail(trip.failure ?? .lost(firstLine(PQerrorMessage(connection)))) }

  // MARK: The one way to fail

  private func fail(_ failure: TripFailure) {
    guard state != .closed else { return }
    let wasBusy = state == .busy
    abandon()
    guard wasBusy else {
      onLost?()
      onLost = nil
      return
    }
    // Results received before the connection broke are certain.
    if trip.isCommitted {
      finish(.success(trip.rows))
    } else if case .server(_, _, fatal: false)? = trip.failure, let refused = trip.failure {
      finish(.failure(refused))
    } else {
      finish(.failure(failure))
    }
  }

  private func abandon() {
    state = .closed
    watch?.stop()
    watch = nil
    PQfinish(connection)
  }

  private func finish(_ result: Result<[PostgresRows], TripFailure>) {
    timer?.cancel()
    timer = nil
    trip = Trip()
    let waiter = waiter
    self.waiter = nil
    waiter?.resume(returning: result)
  }
}

extension PostgresConnection: Severable {
  func sever() { fail(.lost("cut by a fault switch")) }
}
