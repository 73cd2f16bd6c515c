package import EventLoop
import HTTP
package import History
import Terminal

/// A closed loop: each connection sends its next request when it has the answer to the last one.
///
/// It measures what a request costs; latency as people see it needs the open loop of `lab load`.
@LoopActor
package final class ClosedLoop {
  package struct Result {
    package var answered = 0
    /// Answers with another status than the one that was expected, and failures.
    package var wrong = 0
    package var firstWrong: String?
    package var seconds = 0.0
    package var latency = LatencyHistogram()
  }

  private let client: HTTPClient
  private let next: NextRequest
  private let expected: Int
  private let until: Instant
  private var result = Result()
  private var running = 0
  private let finished = Completion<Void>()

  /// - Parameters:
  ///   - next: a whole request; nil where there are no more.
  ///   - expected: the status that counts as an answer.
  package static func run(
    at address: SocketAddress, connections: Int, for duration: Duration, expecting expected: Int,
    next: @escaping NextRequest
  ) async throws -> Result {
    let client = HTTPClient(HTTPClientConfiguration(address: address, maxConnections: connections))
    defer { client.close() }
    let opened = await client.open(connections, deadline: .now + .seconds(5))
    guard opened == connections else {
      throw LabFailure("\(opened) of \(connections) connections to \(address) could be opened")
    }
    let loop = ClosedLoop(client, until: .now + duration, expected: expected, next: next)
    return try await loop.run(connections)
  }

  /// The same on this machine's loopback.
  package static func run(
    port: Int, connections: Int, for duration: Duration, expecting expected: Int,
    next: @escaping NextRequest
  ) async throws -> Result {
    try await run(
      at: SocketAddress(numericHost: "127.0.0.1", port: port), connections: connections, for: duration,
      expecting: expected, next: next)
  }

  private init(
    _ client: HTTPClient, until: Instant, expected: Int, next: @escaping NextRequest
  ) {
    (self.client, self.until, self.expected, self.next) = (client, until, expected, next)
  }

  private func run(_ connections: Int) async throws -> Result {
    let start = Instant.now
    running = connections
    for _ in 0..<connections { send() }
    try await finished.value()
    result.seconds = (Instant.now - start).milliseconds / 1000
    return result
  }

  private func send() {
    let now = Instant.now
    guard now < until, let request = next() else {
      running -= 1
      if running == 0 { finished.succeed(()) }
      return
    }
    client.send(request, deadline: now + .seconds(10)) { [self] outcome in
      switch outcome {
      case .success(let response) where response.status == expected:
        result.answered += 1
        result.latency.record(microseconds: (Instant.now - now).nanoseconds / 1000)
      case .success(let response):
        note("status \(response.status): \(String(decoding: response.body.prefix(300), as: UTF8.self))")
      case .failure(let error): note("\(error)")
      }
      send()
    }
  }

  private func note(_ wrong: String) {
    result.wrong += 1
    result.firstWrong = result.firstWrong ?? wrong
  }
}
