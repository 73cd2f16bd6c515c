package import CouponAPI
package import EventLoop
import Foundation
import HTTP
package import Operations
import Secrets

/// A part that lives as long as the application: a pool, a tail of the log, a worker.
@LoopActor
package protocol ApplicationPart: AnyObject {
  /// Starts and returns soon; long work continues in the background, and readiness reports it.
  ///
  /// - Throws: why a start is impossible; its description is one line for the operator.
  func start() async throws

  /// Completes work in flight until the deadline, then releases all resources.
  func stop(deadline: Instant) async
}

/// Why a start is impossible, in one line.
package struct StartFailure: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

/// A running program: its parts, then its listeners. It ends in the reverse order of the start.
///
///     start:  part 1 … part n ─▶ operator's listener ─▶ public listener
///     end:    listeners take no new request, what is in flight is answered ─▶ part n … part 1
@LoopActor
package final class Application {
  private let server: ServerSettings
  private let admin: AdminSettings
  private let parts: [any ApplicationPart]
  private let log: Log
  private let metrics: Metrics
  private let publicAPI: PublicAPI
  private let adminAPI: AdminAPI?

  private var listeners: [HTTPServer] = []
  private var startedParts: [any ApplicationPart] = []
  private let ended = Completion<Int32>()

  /// The port of the public listener, once started.
  package private(set) var port = 0
  /// The port of the operator's listener, once started; nil if there is none.
  package private(set) var adminPort: Int?

  /// - Parameter parts: in the order of their start.
  package init(
    server: ServerSettings, admin: AdminSettings, services: APIServices, parts: [any ApplicationPart],
    context: ProgramContext, clock: SystemClock
  ) {
    (self.server, self.admin, self.parts) = (server, admin, parts)
    (log, metrics) = (context.log, context.metrics)
    context.metrics.gauge(
      "request_deadline_seconds", help: "Time limit of a request (REQUEST_DEADLINE_MS)."
    ).value = server.requestDeadline.milliseconds / 1_000
    let troubles = Troubles(context.metrics, context.log)
    publicAPI = PublicAPI(
      services: services, metrics: context.metrics, troubles: troubles, clock: clock,
      requestDeadline: server.requestDeadline)
    adminAPI = admin.listener.map { listener in
      AdminAPI(
        services: services, token: SecretToken(listener.token), metrics: context.metrics,
        troubles: troubles, requestDeadline: server.requestDeadline,
        faults: context.faults.map { FaultControl(board: $0, peers: admin.peers, token: listener.token) },
        host: listener.host)
    }
  }

  /// Starts everything; if that fails, stops what has started.
  package func start() async throws(StartFailure) {
    do {
      for part in parts {
        startedParts.append(part)
        try await part.start()
      }
    } catch {
      await stop()
      throw StartFailure("\(error)")
    }
    do throws(StartFailure) {
      try listen()
      try tellPorts()
    } catch {
      await stop()
      throw error
    }
  }

  private func tellPorts() throws(StartFailure) {
    log.info("listening", ["host": server.host, "port": port])
    if let adminPort { log.info("operator may call", ["port": adminPort]) }
    guard let path = server.readyFile else { return }
    try ReadyFile.write(
      log.program, ["httpPort": String(port), "adminPort": adminPort.map(String.init)], to: path)
  }

  private func listen() throws(StartFailure) {
    let publicAPI = publicAPI
    let room = DescriptorRoom(limit: Platform.raiseDescriptorLimit())
    if let listener = admin.listener, let adminAPI {
      var configuration = HTTPServerConfiguration(host: listener.host, port: listener.port)
      configuration.maxConnections = 64
      room.bound(&configuration, share: 2)
      adminPort = try listen(configuration, "ADMIN_PORT") { request, _ in adminAPI.handle(request) }
    }
    var configuration = HTTPServerConfiguration(host: server.host, port: server.port)
    configuration.sharePort = server.sharePort
    configuration.maxConnections = server.maxConnections
    if room.bound(&configuration) {
      log.warning(
        "fewer connections than MAX_CONNECTIONS: the system allows too few descriptors (ulimit -n)",
        [
          "descriptors": room.limit, "connections": configuration.maxConnections,
          "wanted": server.maxConnections,
        ])
    }
    // No public call has a use for a body.
    configuration.keepsBodies = false
    port = try listen(configuration, "HTTP_PORT") { publicAPI.handle($0, for: $1) }
  }

  private func listen(
    _ configuration: HTTPServerConfiguration, _ setting: String, _ handler: @escaping HTTPHandler
  ) throws(StartFailure) -> Int {
    let server = HTTPServer(configuration: configuration, telling: handler)
    do {
      let port = try server.start()
      listeners.append(server)
      let trouble = TroubleLog(log)
      server.onAcceptTrouble = { error in
        if let error {
          trouble.note("connections cannot be accepted", error.description)
        } else {
          trouble.over()
        }
      }
      ListenerMetrics.register(server, named: setting == "ADMIN_PORT" ? "admin" : "public", in: metrics)
      return port
    } catch {
      throw StartFailure("\(setting): cannot listen on \(configuration.host):\(configuration.port): \(error)")
    }
  }

  /// Accepts no new requests, answers those in flight, then stops the parts in reverse order. A second call
  /// returns at once.
  package func stop() async {
    let deadline = Instant.now + server.requestDeadline + .seconds(1)
    for listener in listeners.reversed() { await listener.drain(deadline: deadline) }
    listeners.removeAll()
    for part in startedParts.reversed() { await part.stop(deadline: .now + .seconds(5)) }
    startedParts.removeAll()
  }

  /// Ends a running application from within: with 0 as a signal does, with another code if it cannot
  /// continue.
  package func end(code: Int32) { ended.succeed(code) }

  /// Starts, serves until one of the signals, drains; returns the program's exit code.
  package func run(until signals: [Int32] = [SIGTERM, SIGINT]) async -> Int32 {
    let signals = signals.map { number in
      EventLoop.shared.onSignal(number) { self.end(code: 0) }
    }
    EventLoop.shared.spawn {
      do throws(StartFailure) { try await self.start() } catch {
        self.log.error("cannot start", ["reason": error.description])
        self.ended.succeed(1)
      }
    }
    let code = (try? await ended.value()) ?? 1
    log.info("stopping", ["code": code])
    await stop()
    for signal in signals { signal.stop() }
    return code
  }
}
