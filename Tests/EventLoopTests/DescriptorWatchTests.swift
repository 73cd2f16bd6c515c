import EventLoop
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite(.limited) struct DescriptorWatchTests {
  @Test func whatCameBeforeAResetIsReadAndThenTheEnd() async throws {
    try await onLoop {
      let (listener, port) = try Sockets.listen(host: "127.0.0.1", port: 0, reusePort: false, backlog: 1)
      defer { Sockets.close(listener) }
      let client = try Sockets.connect(to: SocketAddress(numericHost: "127.0.0.1", port: port))
      var accepted: Int32?
      try await until {
        accepted = try Sockets.accept(listener)
        return accepted != nil
      }
      let server = try #require(accepted)
      // A socket that is closed with bytes unread resets the connection, behind what it has sent.
      #expect(write(client, "unread", 6) == 6)
      #expect(write(server, "abc", 3) == 3)
      Sockets.close(server)

      let end = Completion<Void>()
      let received = Received()
      let watch = DescriptorWatch(client) { _ in
        var byte: UInt8 = 0
        if read(client, &byte, 1) == 1 { received.bytes.append(byte) } else { end.succeed(()) }
      }
      watch.watch(.readable)
      try await end.value(deadline: .now + .seconds(5))
      watch.stop()
      Sockets.close(client)
      #expect(received.bytes.count <= 3)
    }
  }

  /// As a connection does that ends in its own callback.
  @Test func aWatchIsStoppedAndGivenUpInItsOwnCallback() async throws {
    try await onLoop {
      var ends: [Int32] = [0, 0]
      #expect(pipe(&ends) == 0)
      let (reader, writer) = (ends[0], ends[1])
      let (calls, held) = (Received(), Held())
      held.watch = DescriptorWatch(reader) { _ in
        calls.bytes.append(1)
        held.watch?.stop()
        held.watch = nil
      }
      weak let watch = held.watch
      watch?.watch(.readable)
      var byte: UInt8 = 1
      #expect(write(writer, &byte, 1) == 1)
      try await until { watch == nil }
      #expect(calls.bytes == [1])
      Sockets.close(reader)
      Sockets.close(writer)
    }
  }
}

@LoopActor private final class Received {
  var bytes: [UInt8] = []
}

@LoopActor private final class Held {
  var watch: DescriptorWatch?
}
