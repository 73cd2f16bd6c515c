import EventLoop
import Foundation
import HTTP
import TestSupport
import Testing

extension Contract {
  @Suite(.limited) struct Wire {
    @LoopActor
    private static func raw(
      _ target: Target, _ text: String, hasBody: Bool = true
    ) async throws -> RawConnection.Answer {
      let connection = try RawConnection(to: target.address)
      defer { connection.close() }
      connection.send(text)
      return try await connection.answer(hasBody: hasBody)
    }

    @Test(arguments: TargetKind.all)
    func headIsAnsweredAsGetWithoutItsBody(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 1)
        for path in ["/v1/policies/\(policy)", "/healthz", "/openapi.yaml", "/v1/stays"] {
          let connection = try RawConnection(to: target.address)
          connection.send("HEAD \(path) HTTP/1.1\r\nHost: x\r\n\r\nGET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
          let head = try await connection.answer(hasBody: false)
          let get = try await connection.answer()
          #expect(head.status == 200 && get.status == 200)
          #expect(head.headers["content-length"] == get.headers["content-length"])
          #expect(head.headers["content-type"] == get.headers["content-type"])
          #expect(!get.body.isEmpty)
          connection.close()
        }
      }
    }

    @Test(arguments: TargetKind.all)
    func anotherMethodIsToldTheRightOnes(kind: TargetKind) async throws {
      try await against(kind) { target in
        for (method, path, allow) in [
          ("GET", "/v1/policies/1/coupons", "POST"), ("HEAD", "/v1/policies/1/coupons", "POST"),
          ("DELETE", "/v1/policies/1", "GET, HEAD"), ("POST", "/v1/policies/1/coupons/me", "GET, HEAD"),
          ("PATCH", "/healthz", "GET, HEAD"), ("OPTIONS", "/v1/stays", "GET, HEAD"),
        ] {
          let answer = try await Self.raw(
            target, "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\r\n", hasBody: method != "HEAD")
          #expect(answer.status == 405, "\(method) \(path)")
          #expect(answer.headers["allow"] == allow)
        }
      }
    }

    @Test(arguments: TargetKind.all)
    func pathsAreTakenAsTheyAre(kind: TargetKind) async throws {
      try await against(kind) { target in
        for path in ["/", "/v1/policies/1/", "/healthz/", "/v1/%73tays", "/V1/stays", "//healthz"] {
          let answer = try await target.get(path)
          #expect(answer.status == 404, "\(path)")
          #expect(answer.headers.first("content-type") == "application/problem+json")
          #expect(answer.code == "not-found")
        }
        #expect(try await target.get("/healthz?what=ever&x").status == 200)
      }
    }

    @Test(arguments: TargetKind.all)
    func bodiesThatNobodyWantsAreIgnoredUpToABound(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 9)
        let head = "POST /v1/policies/\(policy)/coupons HTTP/1.1\r\nHost: x\r\nX-User-Id: "
        let large = String(repeating: "x", count: 65_536)
        let sized = try await Self.raw(target, head + "a\r\nContent-Length: 65536\r\n\r\n" + large)
        #expect(sized.status == 201)
        let tooLarge = try await Self.raw(target, head + "b\r\nContent-Length: 65537\r\n\r\n" + large + "x")
        #expect(tooLarge.status == 413)
        let chunk = "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
        let chunked = try await Self.raw(target, head + "c\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
        #expect(chunked.status == 201)
        let endless = "10001\r\n" + large + "x\r\n0\r\n\r\n"
        let bound = try await Self.raw(target, head + "d\r\nTransfer-Encoding: chunked\r\n\r\n" + endless)
        #expect(bound.status == 413)
      }
    }

    @Test(arguments: TargetKind.all)
    func theExpectationOfContinueIsAnswered(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 9)
        let connection = try RawConnection(to: target.address)
        connection.send(
          "POST /v1/policies/\(policy)/coupons HTTP/1.1\r\nHost: x\r\nX-User-Id: kim\r\nExpect: 100-continue\r\n"
            + "Content-Length: 2\r\n\r\n")
        #expect(try await connection.answer().status == 100)
        connection.send("hi")
        #expect(try await connection.answer().status == 201)
        connection.close()
      }
    }

    @Test(arguments: TargetKind.all)
    func version10IsAnsweredAndClosed(kind: TargetKind) async throws {
      try await against(kind) { target in
        let connection = try RawConnection(to: target.address)
        connection.send("GET /healthz HTTP/1.0\r\n\r\n")
        #expect(try await connection.answer().status == 200)
        #expect(await connection.isClosed())
        connection.close()
        let next = try await Self.raw(target, "GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n")
        #expect(next.status == 505)
      }
    }

    /// The listener's own answers are problems like all others.
    @Test(arguments: TargetKind.all)
    func aRefusalSaysItsCode(kind: TargetKind) async throws {
      let filler = String(repeating: "X-Filler: \(String(repeating: "y", count: 90))\r\n", count: 95)
      let target = "/" + String(repeating: "x", count: 100_000)
      let post = "POST /v1/policies/1/coupons HTTP/1.1\r\nHost: x\r\n"
      let refused = [
        ("GET /healthz HTTP/1.1\r\n\r\n", 400, "malformed-request"),
        (post + "Content-Length: 65537\r\n\r\n", 413, "body-too-large"),
        ("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n", 414, "target-too-long"),
        (post + "Expect: more\r\n\r\n", 417, "expectation-failed"),
        ("GET / HTTP/1.1\r\nHost: x\r\n\(filler)\r\n", 431, "header-too-large"),
        ("GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 505, "version-not-supported"),
      ]
      try await against(kind) { target in
        let contract = try await target.get("/openapi.yaml").text
        for (text, status, code) in refused {
          let answer = try await Self.raw(target, text)
          #expect(answer.status == status)
          #expect(answer.headers["content-type"] == "application/problem+json")
          let problem = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
          #expect(problem?["type"] as? String == "/problems/" + code)
          #expect((problem?["title"] as? String)?.isEmpty == false)
          #expect(problem?["status"] as? Int == status)
          #expect(problem?["code"] as? String == code)
          #expect(contract.contains("        - \(code)\n"))
        }
      }
    }

    @Test(arguments: TargetKind.all)
    func whatIsNoHTTPIsRefusedAndTheServerLives(kind: TargetKind) async throws {
      try await against(kind) { target in
        let wrong = [
          "GET /healthz HTTP/1.1\r\n\r\n", "GET /healthz HTTP/1.1\nHost: x\n\n",
          "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
          "POST /v1/policies/1/coupons HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
          "POST /v1/policies/1/coupons HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          "GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n",
        ]
        for text in wrong {
          let answer = try await Self.raw(target, text)
          #expect(answer.status == 400, "\(text)")
        }
        let heads = String(repeating: "X-Filler: \(String(repeating: "y", count: 90))\r\n", count: 95)
        #expect(try await Self.raw(target, "GET / HTTP/1.1\r\nHost: x\r\n\(heads)\r\n").status == 431)
        #expect(try await target.get("/healthz").status == 200)
      }
    }
  }
}
