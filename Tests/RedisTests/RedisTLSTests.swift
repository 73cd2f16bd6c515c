import EventLoop
import Foundation
import PrivateServers
import Redis
import TestSupport
import Testing

/// `rediss://`: the server proves who it is, or nothing is said to it.
@Suite(.serialized, .limited, .enabled(if: TestCertificates.canBeMade, "no openssl is installed"))
struct RedisTLSTests {
  @Test func everyCallWorksThroughTLS() async throws {
    try await withServer { server, port, certificates in
      let client = try access(server, port, authorities: certificates.authority)
      try await client.connected(deadline: .now + .seconds(10))
      let replies = try await client.transaction([["SCARD", "s"], ["SADD", "s", "x"]], deadline: soon)
      #expect(replies == [.integer(0), .integer(1)])
      // More than a record, and more than the socket takes at once, in both directions.
      let long = String(repeating: "0123456789abcdef", count: 1 << 17)
      #expect(try await client.command(["SET", "long", long], deadline: soon) == .status("OK"))
      #expect(try await client.command(["GET", "long"], deadline: soon).text == long)
      let info = try await client.command(["CLIENT", "LIST"], deadline: soon).text ?? ""
      #expect(info.contains("name=test"))
      client.close()
    }
  }

  /// SNI and the name in the certificate.
  @Test func aNameIsCheckedAsAName() async throws {
    try await withServer(names: "DNS:localhost") { server, port, certificates in
      let client = try access(server, port, host: "localhost", authorities: certificates.authority)
      try await client.connected(deadline: .now + .seconds(10))
      client.close()
      let other = try access(server, port, authorities: certificates.authority)
      try await says(other, "not accepted: IP address mismatch")
    }
  }

  @Test func anotherNameIsRefused() async throws {
    try await withServer(names: "DNS:elsewhere.example") { server, port, certificates in
      let client = try access(server, port, host: "localhost", authorities: certificates.authority)
      try await says(client, "not accepted: hostname mismatch")
    }
  }

  @Test func anotherAuthorityIsRefused() async throws {
    try await withServer { server, port, certificates in
      try await says(
        try access(server, port, authorities: certificates.otherAuthority),
        "certificate is not accepted")
      // The system's authorities do not know it either.
      try await says(try access(server, port, authorities: nil), "certificate is not accepted")
      try await says(
        try access(server, port, authorities: certificates.key), "no authorities can be read in")
    }
  }

  /// The authorities are read once, and again when their file has changed.
  @Test func authoritiesAreReadAgainOnlyWhenTheirFileHasChanged() async throws {
    try await withServer { server, port, certificates in
      let file = certificates.authority
      let text = try Data(contentsOf: URL(filePath: file))
      let date = Date(timeIntervalSince1970: 1_700_000_000)
      func rewrite(_ data: Data, _ date: Date) throws {
        try data.write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: file)
      }
      try rewrite(text, date)
      let first = try access(server, port, authorities: file)
      try await first.connected(deadline: .now + .seconds(10))
      first.close()
      // Nothing shows that it has changed.
      try rewrite(Data(repeating: 10, count: text.count), date)
      let second = try access(server, port, authorities: file)
      try await second.connected(deadline: .now + .seconds(10))
      second.close()
      try rewrite(Data(repeating: 10, count: text.count), date + 1)
      try await says(try access(server, port, authorities: file), "no authorities can be read in")
      try rewrite(text, date + 2)
      let last = try access(server, port, authorities: file)
      try await last.connected(deadline: .now + .seconds(10))
      last.close()
    }
  }

  @Test func aWrongPasswordIsSaid() async throws {
    try await withServer { _, port, certificates in
      let client = RedisAccess(
        configuration: try RedisConfiguration(
          url: "rediss://:wrong@127.0.0.1:\(port)", authorities: certificates.authority), name: "test")
      client.start()
      try await says(client, "WRONGPASS")
    }
  }

  /// Redis waits for the end of a line that never comes.
  @Test func aServerWithoutTLSIsSaid() async throws {
    try await withServer { server, _, certificates in
      try await says(
        try access(server, server.port, authorities: certificates.authority), "does the server speak TLS?")
    }
  }

  @Test func aServerWithTLSIsSaidToAClientWithout() async throws {
    try await withServer { server, port, _ in
      let client = RedisAccess(
        configuration: try RedisConfiguration(url: server.url.replacing(":\(server.port)", with: ":\(port)")),
        name: "test")
      client.start()
      try await says(client, "rediss://")
    }
  }

  /// A cluster whose nodes name their ports with TLS to whom they speak through it.
  @Test func aClusterThroughTLS() async throws {
    try await onLoop {
      let certificates = try await TestCertificates.make()
      let node = try await TestServers.ownRedis(
        extra: try settings(certificates, port: try Sockets.freePort()) + [
          "cluster-enabled yes", "tls-cluster yes",
        ])
      let plain = RedisClient(
        configuration: try RedisConfiguration(url: node.url), name: "operator", isNode: true)
      plain.start()
      try await plain.connected(deadline: soon)
      let slots = ["CLUSTER", "ADDSLOTS"] + (0..<KeySlot.count).map(String.init)
      #expect(try await plain.command(slots, deadline: soon) == .status("OK"))
      let port = try #require(
        try await plain.command(["CONFIG", "GET", "tls-port"], deadline: soon).last?.text)
      let client = try access(node, try #require(Int(port)), authorities: certificates.authority)
      try await client.connected(deadline: .now + .seconds(20))
      let replies = try await client.transaction([["SCARD", "s"], ["SADD", "s", "x"]], deadline: soon)
      #expect(replies == [.integer(0), .integer(1)])
      #expect(client.servers.count == 1)
      plain.close()
      client.close()
      await node.kill()
    }
  }

  // MARK: - Servers

  private func withServer(
    names: String = "IP:127.0.0.1,DNS:localhost",
    _ body: @escaping @Sendable @LoopActor (PrivateRedis, Int, TestCertificates) async throws -> Void
  ) async throws {
    try await onLoop {
      let certificates = try await TestCertificates.make(for: names)
      let port = try Sockets.freePort()
      let server = try await TestServers.ownRedis(extra: try settings(certificates, port: port))
      try await body(server, port, certificates)
      await server.kill()
    }
  }

  @LoopActor
  private func settings(_ certificates: TestCertificates, port: Int) throws -> [String] {
    [
      "tls-port \(port)", "tls-auth-clients no", "tls-cert-file \(certificates.certificate)",
      "tls-key-file \(certificates.key)", "tls-ca-cert-file \(certificates.authority)",
    ]
  }

  @LoopActor
  private func access(
    _ server: PrivateRedis, _ port: Int, host: String = "127.0.0.1", authorities: String?
  ) throws -> RedisAccess {
    let url = server.url.replacing("redis://", with: "rediss://")
      .replacing("127.0.0.1:\(server.port)", with: "\(host):\(port)")
    let client = RedisAccess(
      configuration: try RedisConfiguration(url: url, authorities: authorities), name: "test",
      trial: [["SADD", "{0}", "x"], ["SREM", "{0}", "x"]])
    client.start()
    return client
  }

  /// Within seconds, in one line.
  @LoopActor
  private func says(_ client: RedisAccess, _ words: String) async throws {
    var said = ""
    do {
      try await until(within: .seconds(10)) {
        said = client.trouble?.reason ?? ""
        return said.contains(words)
      }
    } catch { Issue.record("expected \(words), was told: \(said)") }
    #expect(!said.contains("\n") && !client.isConnected)
    client.close()
  }
}

private var soon: Instant { .now + .seconds(10) }

extension RedisReply {
  fileprivate var last: RedisReply? {
    if case .array(let elements) = self { elements.last } else { nil }
  }
}
