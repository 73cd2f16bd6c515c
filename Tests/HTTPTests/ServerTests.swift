import EventLoop
import HTTP
import Testing

@Suite struct ServerTests {
  private func exchange(_ text: String, answers: Int = 1) async throws -> [Answer] {
    try await withServer { server in
      let peer = try await Peer(port: server.port, sending: text)
      defer { peer.close() }
      return try await peer.answers(answers)
    }
  }

  @Test func answers() async throws {
    let answer = try #require(try await exchange("GET /a/b?c=d&e HTTP/1.1\r\n\(host)\r\n").first)
    #expect(answer.status == 200)
    #expect(answer.body == "GET /a/b?c=d&e 0 ")
    #expect(answer.header("content-type") == "text/plain; charset=utf-8")
    #expect(answer.header("date")?.hasSuffix(" GMT") == true)
    #expect(answer.header("connection") == nil)
  }

  @Test func requestInPieces() async throws {
    let text = "POST /p HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nhelloGET /next HTTP/1.1\r\n\(host)\r\n"
    let answers = try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      for byte in text.utf8 {
        peer.send([byte])
        await Task.yield()
      }
      return try await peer.answers(2)
    }
    #expect(answers.map(\.body) == ["POST /p 5 hello", "GET /next 0 "])
  }

  @Test func pipelined() async throws {
    let requests = (0..<100).map { "GET /\($0) HTTP/1.1\r\n\(host)\r\n" }.joined()
    let answers = try await exchange(requests, answers: 100)
    #expect(answers.map(\.body) == (0..<100).map { "GET /\($0) 0 " })
  }

  @Test func pipelinedWithBodies() async throws {
    let requests = (0..<50).map {
      "POST /\($0) HTTP/1.1\r\n\(host)Content-Length: \($0 % 7)\r\n\r\n\(String(repeating: "G", count: $0 % 7))"
    }
    let answers = try await exchange(requests.joined(), answers: 50)
    #expect(
      answers.map(\.body) == (0..<50).map { "POST /\($0) \($0 % 7) \(String(repeating: "G", count: $0 % 7))" }
    )
  }
}
