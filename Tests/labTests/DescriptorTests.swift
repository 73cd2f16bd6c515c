import EventLoop
import Foundation
import HTTP
import Laboratory
import PrivateServers
import TestSupport
import Testing

/// A system that allows few descriptors: people's connections leave enough for the servers that answer them.
@Suite(.limited) struct DescriptorTests {
  @Test(.timeLimit(.minutes(2))) func aCrowdOfConnectionsLeavesTheDatabaseItsOwn() async throws {
    try await onLoop {
      let folder = try TestServers.folder()
      let database = try await TestServers.postgres().createDatabase(
        "few\(UInt32.random(in: 0 ... .max))")
      let child = try ChildProcess.start(
        .init(
          "bash", ["-c", "ulimit -n 64; exec \"$0\"", LabProcess.programs + "/monolith"],
          environment: [
            "PATH": "/usr/bin:/bin", "DATABASE_URL": database, "HTTP_PORT": "0",
            "COUPON_KEY": "a secret of the tests", "READY_FILE": folder + "/ready",
          ], output: .file(folder + "/log")))
      try TestServers.adopt(child)
      var ready: ReadyNote?
      try await until {
        try #require(child.isRunning)
        ready = ReadyNote.read(folder + "/ready")
        return ready != nil
      }
      let port = try #require(ready?.httpPort)
      // They come before any connection of the pool that coupons need is there, and stay.
      let crowd = HTTPClient(
        HTTPClientConfiguration(
          address: SocketAddress(numericHost: "127.0.0.1", port: port), maxConnections: 200))
      _ = await crowd.open(200, deadline: .now + .seconds(10))
      var answers: [Int: Int] = [:]
      for person in 0..<20 {
        let request = HTTPRequest(
          .post, "/v1/policies/1/coupons", headers: [("X-User-Id", "person-\(person)")])
        let answer = try? await crowd.send(request, deadline: .now + .seconds(10))
        answers[answer?.status ?? 0, default: 0] += 1
      }
      let log = try String(contentsOfFile: folder + "/log", encoding: .utf8)
      // There is no such policy: the database has said so.
      #expect((answers[404] ?? 0) > 0, "\(answers) \(log)")
      #expect(log.contains("fewer connections than MAX_CONNECTIONS") && log.contains("descriptors=64"))
      crowd.close()
      child.signal(SIGTERM)
      #expect(await child.exit() == .code(0))
    }
  }
}
