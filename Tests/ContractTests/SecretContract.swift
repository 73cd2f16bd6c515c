import EventLoop
import Foundation
import HTTP
import PrivateServers
import TestSupport
import Testing

/// Programs with marked secrets, and every trouble that can make them talk: no output of theirs holds a secret.
extension Contract {
  @Suite(.limited) struct Secrets {
    private static let mark = "S3cr3tM4rk"
    /// Long enough for each of its places.
    private static let secret = mark + "0123456789abcdef"

    /// Addresses that are refused at the start, and others at which nothing answers, or a server that refuses the login.
    @LoopActor
    private static func environments(of program: ServerProgram) async throws -> [[String: String]] {
      let postgres = try await TestServers.postgres()
      let redis = try await TestServers.redis()
      let base = [
        "COUPON_KEY": secret, "HTTP_PORT": "0", "ADMIN_PORT": "0", "ADMIN_TOKEN": secret,
        "LOG_LEVEL": "debug",
        "DATABASE_URL": "postgres://\(mark)user:\(secret)@127.0.0.1:\(postgres.port)/nothing",
        "REDIS_URL": "redis://:\(secret)@127.0.0.1:\(redis.port)/0", "KAFKA_BROKERS": "127.0.0.1:1",
      ]
      let broken = [
        "DATABASE_URL": [
          "postgres://u:\(secret)@127.0.0.1:x/db", "postgres://u:\(secret)%zz@127.0.0.1/db",
          "mysql://u:\(secret)@h/db",
          "postgres://u:\(secret)@127.0.0.1:1/db?nonsense=\(secret)",
          "host=127.0.0.1 user=u password=\(secret)",
        ],
        "REDIS_URL": [
          "redis://:\(secret)@127.0.0.1:x", "rediss://:\(secret)@h", "redis://u:\(secret)%zz@h",
          "http://u:\(secret)@h",
          "redis://:\(secret)@h/x",
        ],
        "COUPON_KEY": [String(mark.prefix(4)), secret + "\u{1}", String(repeating: secret, count: 200)],
        "ADMIN_TOKEN": [mark, secret + " ", secret + "é"],
      ]
      var environments = [base]
      for (key, values) in broken {
        for value in values { environments.append(base.merging([key: value]) { $1 }) }
      }
      return environments
    }

    @Test(arguments: ServerProgram.allCases)
    func noOutputHoldsASecret(program: ServerProgram) async throws {
      try await onLoop {
        var started = 0
        for environment in try await Self.environments(of: program) {
          let server = try ServerProcess.start(
            program.executable, arguments: program.subcommand, environment: environment)
          var heard = ""
          if let ports = try? await server.ports() {
            started += 1
            heard = try await Self.provoke(ports.port, ports.admin)
            // Long enough for a refused login, whose line comes with the second attempt at the latest.
            try await until(within: .seconds(30)) {
              server.log.contains("level=warning") || server.log.contains("level=error")
                || program == .edaWorker
            }
            server.signal(SIGTERM)
          }
          _ = await server.exit()
          let said = server.log + heard
          // A short mark could be a part of something else; the whole of it cannot.
          let words = said.replacing("\(Self.mark)user", with: "")
          #expect(
            !words.contains(Self.mark), "\(words.split(separator: "\n").filter { $0.contains(Self.mark) })")
        }
        #expect(started >= 1, "at least with what is only refused by the servers")
      }
    }

    /// What a stranger and a clumsy operator can ask; returns all answers.
    @LoopActor
    private static func provoke(_ port: Int, _ adminPort: Int) async throws -> String {
      var heard = ""
      func ask(
        _ port: Int, _ method: HTTPMethod, _ path: String, _ headers: [(String, String)], _ body: String
      ) async {
        let client = HTTPClient(
          HTTPClientConfiguration(address: SocketAddress(numericHost: "127.0.0.1", port: port)))
        defer { client.close() }
        let request = HTTPRequest(method, path, headers: headers, body: Array(body.utf8))
        guard let answer = try? await client.send(request, deadline: .now + .seconds(20)) else { return }
        heard += "\(answer.headers.lines) \(String(decoding: answer.body, as: UTF8.self))\n"
      }
      for path in ["/metrics", "/readyz", "/healthz", "/v1/policies/1", "/v1/stays"] {
        await ask(port, .get, path, [], "")
      }
      await ask(port, .post, "/v1/policies/1/coupons", [("X-User-Id", "u")], "")
      let right = [("Authorization", "Bearer \(secret)")]
      for headers in [
        [], right, [("Authorization", "Bearer \(secret)x")], [("Authorization", "Basic \(secret)")],
      ] {
        await ask(adminPort, .get, "/admin/faults", headers, "")
        await ask(adminPort, .get, "/admin/policies/1/events", headers, "")
        await ask(adminPort, .post, "/admin/policies", headers, "{}")
      }
      return heard
    }
  }
}
