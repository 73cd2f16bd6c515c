import EventLoop
import Redis
import Terminal

extension RedisClient {
  /// Every item that a scanning command finds, a page at a time.
  ///
  /// - Parameter command: from the cursor to what follows it, as in `SCAN 0 MATCH x`.
  @LoopActor
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
