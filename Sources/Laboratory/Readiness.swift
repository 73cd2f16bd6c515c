package import EventLoop
import HTTP
import PrivateServers
import Terminal

/// Asking programs over HTTP.
extension Lab {
  /// Waits until every part is ready for coupons.
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
        guard let running = state.part(part) else { throw LabFailure("\(part.rawValue) is not running") }
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
  /// Nil where the program at this address is ready for coupons, else why it is not. (`/readyz` alone is for balancers and
  /// stays 200 while a server that only coupons need is away.)
  @LoopActor
  package static func ask(_ address: SocketAddress) async -> String? {
    do throws(LabFailure) {
      let answer = try await HTTPClient.ask(
        address, HTTPRequest(.get, "/readyz?for=coupons"), within: .seconds(3))
      guard answer.status != 200 else { return nil }
      return "\(answer.status) \(Operator.oneLine(answer.body))"
    } catch { return error.description }
  }
}
