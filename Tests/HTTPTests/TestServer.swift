import EventLoop
import HTTP
import Testing

/// A server whose answers show what it understood.
@LoopActor
final class TestServer {
  let server: HTTPServer
  let port: Int
  let state: State

  @LoopActor
  final class State {
    var offLoop = 0
    /// `/held` is answered when this is released.
    var held: [Completion<Void>] = []
    var onHeld: (@LoopActor () -> Void)?
    init() {}

    func release() {
      for one in held { one.succeed(()) }
      held = []
    }
  }

  init(_ configure: (inout HTTPServerConfiguration) -> Void = { _ in }) throws {
    var configuration = HTTPServerConfiguration()
    configuration.lingerTimeout = .milliseconds(500)
    configure(&configuration)
    let state = State()
    self.state = state
    server = HTTPServer(configuration: configuration) { Self.answer($0, state) }
    port = try server.start()
  }

  /// No connection may be stuck: by now the peers have closed theirs, or what lingers ends by itself.
  func stop() async {
    let cutBefore = server.statistics.connectionsCut
    state.release()
    await server.drain(deadline: .now + .seconds(30))
    #expect(server.statistics.connectionsCut == cutBefore)
    #expect(server.statistics.connectionsOpen == 0)
  }

  private static func answer(_ request: HTTPRequest, _ state: State) -> Reply<HTTPResponse> {
    if !EventLoop.shared.isCurrent { state.offLoop += 1 }
    switch request.path {
    case "/later":
      return .later {
        await Task.yield()
        if !EventLoop.shared.isCurrent { state.offLoop += 1 }
        return describe(request)
      }
    case "/held":
      return .later {
        let gate = Completion<Void>()
        state.held.append(gate)
        state.onHeld?()
        do { try await gate.value(deadline: .now + .seconds(60)) } catch { return .text("late", status: 500) }
        return describe(request)
      }
    case "/big": return .now(HTTPResponse(status: 200, body: [UInt8](repeating: 0x78, count: 1 << 20)))
    case "/close": return .now(HTTPResponse(status: 200, body: Array("bye".utf8), close: true))
    default: return .now(describe(request))
    }
  }

  /// `METHOD path?query bodyLength body`
  private static func describe(_ request: HTTPRequest) -> HTTPResponse {
    let query = request.query.map { "?\($0)" } ?? ""
    let body = String(decoding: request.body.prefix(64), as: UTF8.self)
    return .text("\(request.method.name) \(request.path)\(query) \(request.body.count) \(body)")
  }
}

/// Lets the loop look at its descriptors, so that what was sent is received before more is sent.
@LoopActor
func nextTurn() async { await EventLoop.shared.sleep(for: .zero) }

/// Runs `body` on the loop with a server of its own.
func withServer<T: Sendable>(
  _ configure: @escaping @Sendable (inout HTTPServerConfiguration) -> Void = { _ in },
  _ body: @escaping @Sendable @LoopActor (TestServer) async throws -> T
) async throws -> T {
  try await onLoop {
    let server = try TestServer(configure)
    do {
      let result = try await body(server)
      await server.stop()
      return result
    } catch {
      await server.stop()
      throw error
    }
  }
}

let host = "Host: x\r\n"
