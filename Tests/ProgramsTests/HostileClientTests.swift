import EventLoop
import HTTP
import Operations
import Programs
import CouponAPI
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What many connections of a stranger may make the public listener keep.
@Suite(.limited) struct HostileClientTests {
  private static let connections = 1_000
  private static let megabyte = 1 << 20

  @Test func bodiesOfManyConnectionsAreNotKept() async throws {
    try await withProgram { program, metrics in
      let body = [UInt8](repeating: 0x78, count: 65_535)
      let before = ResidentMemory.bytes
      var clients: [Stranger] = []
      for number in 0..<Self.connections {
        // One byte of each body never comes. Half of them are chunked.
        let client = try Stranger(port: program.port)
        clients.append(client)
        let head = "POST /v1/policies/1/coupons HTTP/1.1\r\nHost: x\r\nX-User-Id: u\r\n"
        let bytes =
          number % 2 == 0
          ? Array((head + "Content-Length: 65536\r\n\r\n").utf8) + body
          : Array((head + "Transfer-Encoding: chunked\r\n\r\n10000\r\n").utf8) + body
        try await client.send(bytes)
      }
      let sent = Self.connections * 65_535
      try await until(within: .seconds(120)) { received(metrics) >= Double(sent) }
      let growth = ResidentMemory.bytes - before
      #expect(growth < 12 * Self.megabyte, "\(growth) bytes are kept for \(sent) bytes of bodies")
      for client in clients { client.close() }
    }
  }

  @Test func aBodyThatNobodyWantsIsStillReadAndCounted() async throws {
    try await withProgram { program, _ in
      let client = HTTPClient(
        HTTPClientConfiguration(address: SocketAddress(numericHost: "127.0.0.1", port: program.port)))
      defer { client.close() }
      for (count, status) in [(0, 200), (65_536, 200), (65_537, 413)] {
        let request = HTTPRequest(.get, "/healthz", body: [UInt8](repeating: 0x78, count: count))
        let answer = try await client.send(request, deadline: .now + .seconds(30))
        #expect(answer.status == status, "\(count)")
      }
    }
  }

  private func withProgram(
    _ body: @escaping @Sendable @LoopActor (Application, Metrics) async throws -> Void
  ) async throws {
    try await onLoop {
      var reader = SettingsReader(environment: ["HTTP_PORT": "0"], arguments: [])
      let server = try ServerSettings(&reader, defaultPort: 0)
      let context = Fixture.quietContext()
      let program = Application(
        server: server, admin: try AdminSettings(&reader),
        services: APIServices(readiness: { ServiceReadiness(reasons: []) }), parts: [], context: context,
        clock: SystemClock())
      try await program.start()
      let result: Result<Void, any Error>
      do { result = .success(try await body(program, context.metrics)) } catch { result = .failure(error) }
      await program.stop()
      try result.get()
    }
  }
}

/// What the public listener has received.
@LoopActor
private func received(_ metrics: Metrics) -> Double {
  let text = String(decoding: metrics.render(), as: UTF8.self)
  let name = "http_received_bytes_total{listener=\"public\"} "
  let line = text.split(separator: "\n").first { $0.contains(name) }
  return line?.split(separator: " ").last.flatMap { Double($0) } ?? 0
}

/// A client that sends what it is told and reads nothing.
@LoopActor
private final class Stranger {
  private let descriptor: Int32

  init(port: Int) throws {
    descriptor = try Sockets.connect(to: SocketAddress(numericHost: "127.0.0.1", port: port))
  }

  func send(_ bytes: [UInt8]) async throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent)
      }
      if count > 0 {
        sent += count
      } else if errno != EAGAIN && errno != ENOTCONN {
        throw SocketError("send")
      }
      if sent < bytes.count { await EventLoop.shared.sleep(for: .milliseconds(1)) }
    }
  }

  func close() { Sockets.close(descriptor) }
}
