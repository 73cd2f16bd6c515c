package import EventLoop
package import HTTP
package import Terminal

extension HTTPClient {
  /// One request over a connection of its own.
  ///
  /// - Throws: `LabFailure` where no answer came.
  @LoopActor
  package static func ask(
    _ address: SocketAddress, _ request: HTTPRequest, within limit: Duration
  ) async throws(LabFailure) -> HTTPClientResponse {
    let client = HTTPClient(HTTPClientConfiguration(address: address, maxConnections: 1))
    defer { client.close() }
    do throws(HTTPClientError) { return try await client.send(request, deadline: .now + limit) } catch {
      throw LabFailure("no answer from \(address): \(error)")
    }
  }
}
