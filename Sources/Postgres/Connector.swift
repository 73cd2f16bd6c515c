internal import Clibpq
internal import EventLoop

/// Opens one connection: drives `PQconnectPoll` from the loop until it is ready, refused or late.
@LoopActor
final class Connector {
  static let tooLate = "no connection before the deadline"

  /// A connection in non-blocking pipeline mode, whose caller owns it, and the index of its server.
  struct Opened {
    let connection: OpaquePointer
    let server: Int
  }

  private let connection: OpaquePointer
  private var watch: DescriptorWatch?
  private let done = Completion<Void>()

  /// Tries each server, and each address of it, until one takes the login. A server that does not answer uses up only
  /// its share of the time.
  ///
  /// - Parameter preferred: the index of the server to begin with.
  static func open(
    _ configuration: PostgresConfiguration, preferred: Int = 0, name: String, deadline: Instant
  ) async throws(TripFailure) -> Opened {
    var order = Array(configuration.servers.indices)
    if order.contains(preferred), preferred != 0 {
      order.remove(at: preferred)
      order.insert(preferred, at: 0)
    }
    var reasons: [String] = []
    for (tried, index) in order.enumerated() {
      let limit = share(of: deadline, among: order.count - tried)
      do {
        let addresses = try await configuration.servers[index].resolved(deadline: limit)
        for (triedAddresses, server) in addresses.enumerated() {
          do {
            let connection = try await open(
              configuration.connectParameters(to: server, name: name),
              deadline: share(of: limit, among: addresses.count - triedAddresses))
            return Opened(connection: connection, server: index)
          } catch {
            let isLast = tried == order.count - 1 && triedAddresses == addresses.count - 1
            note(error, of: server, isOnly: isLast && reasons.isEmpty, in: &reasons)
          }
        }
      } catch {
        note(error, of: configuration.servers[index], isOnly: true, in: &reasons)
      }
    }
    throw .notSent(reasons.joined(separator: "; "))
  }

  private static func share(of deadline: Instant, among count: Int) -> Instant {
    let now = Instant.now
    guard count > 1, now < deadline else { return deadline }
    return now + (deadline - now) / count
  }

  private static func note(
    _ failure: TripFailure, of server: Server, isOnly: Bool, in reasons: inout [String]
  ) {
    guard case .notSent(let reason) = failure else { return }
    // libpq names the server in its own messages.
    let text = reason == tooLate && !isOnly ? "\(server.host):\(server.port): \(reason)" : reason
    if !reasons.contains(text) { reasons.append(text) }
  }

  private static func open(
    _ parameters: [(String, String)], deadline: Instant
  ) async throws(TripFailure) -> OpaquePointer {
    var (keywords, values) = (CStrings(), CStrings())
    for (keyword, value) in parameters {
      keywords.append(keyword)
      values.append(value)
    }
    let started = keywords.withArguments { keywords in
      values.withArguments { PQconnectStartParams(keywords.values, $0.values, 0) }
    }
    guard let started else { throw .notSent("out of memory") }
    // Drops the server's notices, which libpq prints by default.
    _ = PQsetNoticeReceiver(started, { _, _ in }, nil)
    // A refused login then tells its SQLSTATE, whatever the language of the server's messages.
    let verbosity = PQsetErrorVerbosity(started, PQERRORS_VERBOSE)
    do {
      try await Connector(started).run(deadline: deadline)
    } catch {
      PQfinish(started)
      throw error
    }
    _ = PQsetErrorVerbosity(started, verbosity)
    guard PQsetnonblocking(started, 1) == 0, PQenterPipelineMode(started) == 1 else {
      PQfinish(started)
      throw .notSent("pipeline mode refused")
    }
    return started
  }

  private init(_ connection: OpaquePointer) { self.connection = connection }

  private func run(deadline: Instant) async throws(TripFailure) {
    guard PQstatus(connection) != CONNECTION_BAD else {
      throw .notSent(firstLine(PQerrorMessage(connection)))
    }
    arm(.writable)
    defer { disarm() }
    do {
      try await done.value(deadline: deadline)
    } catch let failure as TripFailure {
      throw failure
    } catch {
      throw .notSent(Self.tooLate)
    }
  }

  private func step() {
    // libpq may replace its socket, possibly with the same number: no watch may exist during this call.
    disarm()
    guard !done.isDone else { return }
    switch PQconnectPoll(connection) {
    case PGRES_POLLING_OK: done.succeed(())
    case PGRES_POLLING_READING: arm(.readable)
    case PGRES_POLLING_WRITING: arm(.writable)
    default: done.fail(TripFailure.notSent(firstLine(PQerrorMessage(connection))))
    }
  }

  /// The watch retains this object until it is disarmed.
  private func arm(_ readiness: Readiness) {
    let watch = DescriptorWatch(PQsocket(connection)) { _ in self.step() }
    watch.watch(readiness)
    self.watch = watch
  }

  private func disarm() {
    watch?.stop()
    watch = nil
  }
}
