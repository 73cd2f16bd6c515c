package import EventLoop

/// Answers one request: at once, or later from a task that the server starts on the loop.
package typealias HTTPHandler = @LoopActor (HTTPRequest) -> Reply<HTTPResponse>

@LoopActor
package final class HTTPServer {
  package private(set) var statistics = HTTPServerStatistics()
  private let configuration: HTTPServerConfiguration
  private let handler: HTTPHandler

  package init(configuration: HTTPServerConfiguration, handler: @escaping HTTPHandler) {
    self.configuration = configuration
    self.handler = handler
  }

  /// Listens; returns the port.
  package func start() throws(SocketError) -> Int { throw SocketError("listen", code: 0) }

  /// Takes no new requests, answers those in flight, closes; what is left at the deadline is cut.
  package func drain(deadline: Instant) async {}
}
