internal import Clibpq
internal import EventLoop

/// Opens one connection: drives `PQconnectPoll` from the loop until it is ready, refused or late.
@LoopActor
final class Connector {
  static let tooLate = "no connection before the deadline"

  private let connection: OpaquePointer
  private var watch: DescriptorWatch?
  private let done = Completion<Void>()

  /// - Returns: a connection in non-blocking pipeline mode; the caller owns it.
  static func open(
    _ configuration: PostgresConfiguration, settings: [String: String], name: String, deadline: Instant
  ) async throws(TripFailure) -> OpaquePointer {
    let addresses = try await resolve(configuration, deadline: deadline)
    let parameters = configuration.connectParameters(addresses: addresses, settings: settings, name: name)
    var (keywords, values) = (CStrings(), CStrings())
    for (keyword, value) in parameters {
      keywords.append(keyword)
      values.append(value)
    }
    let started = keywords.withPointers { keywords in
      values.withPointers { PQconnectStartParams(keywords, $0, 0) }
    }
    guard let started else { throw .notSent("out of memory") }
    // Drops the server's notices, which libpq prints by default.
    _ = PQsetNoticeReceiver(started, { _, _ in }, nil)
    do {
      try await Connector(started).run(deadline: deadline)
    } catch {
      PQfinish(started)
      throw error
    }
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

  /// The host's addresses, resolved off the loop; libpq would block.
  private static func resolve(
    _ configuration: PostgresConfiguration, deadline: Instant
  ) async throws(TripFailure) -> [String] {
    guard configuration.needsResolving else { return [] }
    let (host, port) = (configuration.host, configuration.port)
    do {
      let addresses = try await EventLoop.shared.resolve(host: host, port: port, deadline: deadline)
      if !addresses.isEmpty { return addresses.map(\.numericHost) }
    } catch { throw .notSent("\(error)") }
    throw .notSent("the host \(host) has no address")
  }
}
