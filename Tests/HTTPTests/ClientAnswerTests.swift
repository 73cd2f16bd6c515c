import EventLoop
import HTTP
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What a client makes of answers that no server of ours would give: said word by word by a socket.
@Suite(.limited) struct ClientAnswerTests {
  struct Script: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Written when a request has come; the connection is closed behind it.
    var answer: String
    var status: Int?
    var body = ""
    var isSentNoAnswer = false
    var resets = false
  }

  private static let scripts: [Script] = [
    Script(
      testDescription: "length", answer: "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi", status: 201,
      body: "hi"),
    Script(
      testDescription: "chunked",
      answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
      status: 200, body: "hi"),
    Script(testDescription: "until the close", answer: "HTTP/1.0 200 OK\r\n\r\nhi", status: 200, body: "hi"),
    Script(
      testDescription: "interim answers first",
      answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: y\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
      status: 204),
    Script(testDescription: "not HTTP", answer: "SSH-2.0-OpenSSH_9.2\r\n"),
    Script(testDescription: "broken head", answer: "HTTP/1.1 200 OK\r\nbad\r\n\r\n"),
    Script(
      testDescription: "broken chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n"),
    Script(testDescription: "too large", answer: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
    Script(testDescription: "closed before a byte", answer: "", isSentNoAnswer: true),
    Script(
      testDescription: "closed in the head", answer: "HTTP/1.1 200 OK\r\nContent-", isSentNoAnswer: true),
    Script(
      testDescription: "closed in the body", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi",
      isSentNoAnswer: true),
    Script(testDescription: "reset", answer: "", isSentNoAnswer: true, resets: true),
  ]

  @Test(arguments: scripts, [false, true])
  func understands(_ script: Script, byteByByte: Bool) async throws {
    try await onLoop {
      let server = try ScriptedServer(script, byteByByte: byteByByte)
      defer { server.close() }
      let client = HTTPClient(
        HTTPClientConfiguration(
          address: SocketAddress(numericHost: "127.0.0.1", port: server.port), maxConnections: 1))
      defer { client.close() }
      do throws(HTTPClientError) {
        let response = try await client.send(HTTPRequest(.post, "/"), deadline: .now + .seconds(30))
        #expect(response.status == script.status)
        #expect(String(decoding: response.body, as: UTF8.self) == script.body)
      } catch {
        #expect(script.status == nil)
        switch error {
        case .neverSent: Issue.record("it was sent")
        case .sentNoAnswer: #expect(script.isSentNoAnswer)
        case .badAnswer: #expect(!script.isSentNoAnswer)
        }
      }
      #expect(server.requests == 1)
    }
  }
}

/// Answers every connection's first bytes with a script, then closes it.
@LoopActor
private final class ScriptedServer {
  let port: Int
  private let listener: Int32
  private var watches: [(DescriptorWatch, Int32)] = []
  private(set) var requests = 0

  init(_ script: ClientAnswerTests.Script, byteByByte: Bool) throws {
    (listener, port) = try Sockets.listen(host: "127.0.0.1", port: 0)
    let listener = listener
    let watch = DescriptorWatch(listener) { _ in
      do {
        if let descriptor = try Sockets.accept(listener) { self.serve(descriptor, script, byteByByte) }
      } catch {
        Issue.record(error)
      }
    }
    watches.append((watch, listener))
    watch.watch(.readable)
  }

  private func serve(_ descriptor: Int32, _ script: ClientAnswerTests.Script, _ byteByByte: Bool) {
    var watch: DescriptorWatch?
    let made = DescriptorWatch(descriptor) { _ in
      guard let open = watch else { return }
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 { self.requests += 1 }
      open.watch([])
      EventLoop.shared.spawn {
        for piece in byteByByte ? script.answer.utf8.map({ [$0] }) : [Array(script.answer.utf8)]
        where !piece.isEmpty {
          _ = piece.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0) }
          if byteByByte { await nextTurn() }
        }
        if script.resets {
          var option = linger(l_onoff: 1, l_linger: 0)
          setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
        open.stop()
        Sockets.close(descriptor)
      }
      watch = nil
    }
    watch = made
    made.watch(.readable)
  }

  func close() {
    for (watch, descriptor) in watches {
      watch.stop()
      Sockets.close(descriptor)
    }
  }
}
