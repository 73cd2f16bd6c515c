package import EventLoop
import HTTP
import PrivateServers
import Terminal

/// Asking programs over HTTP.
extension Lab {
  /// Waits until every part answers `/readyz` with 200.
  ///
  /// - Throws: `LabFailure` naming the part that is not ready and its log.
  package func awaitReadiness(of parts: [LabPart], within limit: Duration) async throws {
    let deadline = Instant.now + limit
    for part in parts {
      while true {
        try interrupt.check()
        for other in state.parts where !other.process.isRunning {
          throw ended(other.part, folder.log(of: other.part))
        }
        guard let running = state.part(part) else { throw LabFailure("\(part.rawValue) does not run") }
        let reason = await Readiness.ask(running.address)
        guard let reason else { break }
        guard Instant.now < deadline else {
          throw LabFailure(
            "\(part.rawValue) is not ready after \(limit.components.seconds) s: \(reason); see \(folder.log(of: part))"
          )
        }
        await EventLoop.shared.sleep(for: .milliseconds(50))
      }
    }
  }
}

package enum Readiness {
  /// Nil where the program at this address is ready, else why it is not.
  @LoopActor
  package static func ask(_ address: SocketAddress) async -> String? {
    let client = HTTPClient(HTTPClientConfiguration(address: address, maxConnections: 1))
    defer { client.close() }
    do throws(HTTPClientError) {
      let answer = try await client.send(HTTPRequest(.get, "/readyz"), deadline: .now + .seconds(3))
      guard answer.status != 200 else { return nil }
      let text = String(decoding: answer.body.prefix(300), as: UTF8.self)
      return "\(answer.status) \(text.split(whereSeparator: \.isNewline).joined(separator: " "))"
    } catch { return error.description }
  }
}
