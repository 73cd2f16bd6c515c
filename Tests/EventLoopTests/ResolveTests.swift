import EventLoop
import TestSupport
import Testing

@Suite(.limited) struct ResolveTests {
  /// A silent name server once held every reconnect, because a look-up had no deadline.
  @Test func aLookUpEndsAtItsDeadlineAndLaterOnesAreAnswered() async throws {
    try await onLoop {
      let names = SilentNameService()
      await #expect(throws: ResolveError.self) {
        try await EventLoop.shared.resolve(host: "localhost", port: 1, deadline: .now + .milliseconds(50))
      }
      // What needs no look-up waits for none.
      let numeric = try await EventLoop.shared.resolve(host: "127.0.0.1", port: 2, deadline: .now)
      #expect(numeric == [SocketAddress(numericHost: "127.0.0.1", port: 2)])
      let v6 = try await EventLoop.shared.resolve(host: "0:0:0:0:0:0:0:1", port: 3, deadline: .now)
      #expect(v6 == [SocketAddress(numericHost: "::1", port: 3)])
      names.answer()
      let found = try await EventLoop.shared.resolve(
        host: "localhost", port: 4, deadline: .now + .seconds(30))
      #expect(found.contains(SocketAddress(numericHost: "127.0.0.1", port: 4)))
    }
  }
}
