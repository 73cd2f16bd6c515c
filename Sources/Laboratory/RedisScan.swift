import EventLoop
import Redis
import Terminal

/// What can be asked for the pages of a scan.
@LoopActor
protocol Scannable {
  func command(_ arguments: [String], deadline: Instant) async throws -> RedisReply
}

extension RedisClient: Scannable {}
extension RedisAccess: Scannable {}

extension Scannable {
  /// Every item that a scanning command finds, a page at a time.
  ///
  /// - Parameter command: from the cursor to what follows it, as in `SCAN 0 MATCH x`.
  func scan(
    _ command: (_ cursor: String) -> [String], onPage: @LoopActor ([String]) async throws -> Void
  ) async throws {
    var cursor = "0"
    repeat {
      let command = command(cursor)
      let reply = try await self.command(command, deadline: .now + .seconds(30))
      guard case .array(let parts) = reply, parts.count == 2, let next = parts[0].text,
        case .array(let items) = parts[1]
      else { throw LabFailure("Redis answered \(command[0]) with something else") }
      try await onPage(items.compactMap(\.text))
      cursor = next
    } while cursor != "0"
  }
}
