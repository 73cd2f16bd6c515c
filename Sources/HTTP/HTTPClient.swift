package import EventLoop

/// Requests to one address over kept-alive connections, one request at a time on each. Nothing is sent twice.
@LoopActor
package final class HTTPClient {
  package typealias Outcome = Result<HTTPClientResponse, HTTPClientError>

  private let configuration: HTTPClientConfiguration

  package init(_ configuration: HTTPClientConfiguration) { self.configuration = configuration }

  /// What the deadline cuts off is closed with its connection.
  package func send(
    _ request: HTTPRequest, deadline: Instant
  ) async throws(HTTPClientError) -> HTTPClientResponse { throw .neverSent("not yet") }

  /// Without a task: `bytes` is a whole request (`HTTPRequest.wireBytes`); `completion` is called once, never before this returns.
  package func send(_ bytes: [UInt8], deadline: Instant, completion: @escaping @LoopActor (Outcome) -> Void) {
  }

  /// Opens connections beforehand; returns how many are open.
  package func open(_ count: Int, deadline: Instant) async -> Int { 0 }

  /// Fails what is in flight and closes everything.
  package func close() {}
}
