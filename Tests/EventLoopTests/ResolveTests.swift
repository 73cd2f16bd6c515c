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

  /// Whoever asks for a name that is being looked up waits for that, with a deadline of its own.
  @Test func oneLookUpOfANameAnswersAllWhoAsked() async throws {
    try await onLoop {
      let names = SilentNameService()
      var answers: [Completion<[SocketAddress]>] = []
      for port in 1...100 {
        let answer = Completion<[SocketAddress]>()
        answers.append(answer)
        EventLoop.shared.spawn {
          // Every second one gives up before the name service answers.
          let patience = port.isMultiple(of: 2) ? Duration.seconds(60) : .milliseconds(20)
          do {
            answer.succeed(
              try await EventLoop.shared.resolve(host: "localhost", port: port, deadline: .now + patience))
          } catch { answer.fail(error) }
        }
      }
      for port in stride(from: 1, through: 99, by: 2) {
        await #expect(throws: ResolveError.self) { try await answers[port - 1].value() }
      }
      names.answer()
      for port in stride(from: 2, through: 100, by: 2) {
        let found = try await answers[port - 1].value(deadline: .now + .seconds(30))
        #expect(found.contains(SocketAddress(numericHost: "127.0.0.1", port: port)))
      }
    }
  }
}
