import TestSupport
import CouponDomain
import CouponStore
import EventLoop
import Foundation
import HTTP
import Postgres
import PrivateServers
import Testing
import Text

extension EDATests {
  @Suite(.limited) struct AllInOne {
    @LoopActor
    private func start(database: String? = nil, _ more: [String: String] = [:]) async throws -> EDAProcess {
      let name = "all\(UInt32.random(in: 0 ... .max))"
      let own = try await TestServers.postgres().createDatabase(name)
      return try EDAProcess(
        "all",
        [
          "HTTP_PORT": "0", "ADMIN_PORT": "0", "ADMIN_TOKEN": Stage.token, "COUPON_KEY": Stage.key,
          "DATABASE_URL": database ?? own, "REDIS_URL": try await TestServers.redis().url,
          "KEY_PREFIX": name,
        ].merging(more) { $1 }, ownGroup: true)
    }

    /// The api's public and operator's ports, by its own log lines.
    @LoopActor
    private func ports(_ all: EDAProcess) async throws -> (port: Int, admin: Int) {
      func number(_ words: String) -> Int? {
        let lines = all.log.split(separator: "\n")
        let line = lines.first { $0.contains("eda api") && $0.contains(words) }
        return line?.split(separator: " ").first { $0.hasPrefix("port=") }.flatMap { Int($0.dropFirst(5)) }
      }
      return try await all.patiently("the api listens") {
        guard let port = number("message=listening"), let admin = number("operator may call") else {
          return nil
        }
        return (port, admin)
      }
    }

    /// A Ctrl-C reaches everybody at the terminal; the log in memory outlives what the worker has to write.
    @Test(.timeLimit(.minutes(2))) func aCtrlCLosesNothingThatWasAcknowledged() async throws {
      try await onLoop {
        let name = "ctrlc\(UInt32.random(in: 0 ... .max))"
        let database = try await TestServers.postgres().createDatabase(name)
        let all = try await self.start(database: database)
        let ports = try await self.ports(all)
        @LoopActor func client(_ port: Int) -> HTTPClient {
          HTTPClient(HTTPClientConfiguration(address: SocketAddress(numericHost: "127.0.0.1", port: port)))
        }
        let (api, admin) = (client(ports.port), client(ports.admin))
        let create = HTTPRequest(
          .post, "/admin/policies", headers: [("Authorization", "Bearer \(Stage.token)")],
          body: Array(Midday.policy(quota: 5, perPerson: "once").utf8))
        let policy = try await all.patiently("a policy") { () -> Int? in
          let answer = try? await admin.send(create, deadline: .now + .seconds(10))
          return answer?.status == 201 ? answer?.object["policyId"] as? Int : nil
        }
        // In the order of their start: broker, worker, api.
        let children = ProcessTable.descendants(of: all.child.pid).sorted()
        try #require(children.count == 3)
        // From there on it leaves a Ctrl-C to its supervisor.
        try await all.patiently("the worker runs") {
          all.log.split(separator: "\n").contains {
            $0.contains("eda worker") && $0.contains("message=listening")
          }
            ? () : nil
        }
        kill(children[1], SIGSTOP)
        for person in ["ann", "bob", "cid"] {
          let request = HTTPRequest(
            .post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", person)])
          _ = try await all.patiently("a coupon") { () -> Bool? in
            let answer = try? await api.send(request, deadline: .now + .seconds(10))
            return answer?.status == 201 || answer?.status == 200 ? true : nil
          }
        }
        api.close()
        admin.close()
        kill(-all.child.pid, SIGINT)
        try await all.patiently("the api has ended") { kill(children[2], 0) != 0 ? () : nil }
        #expect(kill(children[0], 0) == 0)
        kill(children[1], SIGCONT)
        #expect(await all.child.exit() == .code(0))
        #expect(children.allSatisfy { kill($0, 0) != 0 })
        let pool = PostgresPool(
          configuration: try PostgresConfiguration(url: database), size: 1, maxWaiting: 4,
          sessionSettings: Schema.eda.sessionSettings, name: "test")
        let id = try #require(PolicyID(policy))
        #expect(try await AuditSQL.coupons(of: id, in: pool, deadline: .now + .seconds(20)).count == 3)
        await pool.close()
      }
    }

    @Test(.timeLimit(.minutes(2))) func itServesAndEndsWithItsChildren() async throws {
      try await onLoop {
        let all = try await self.start()
        let children = try await all.patiently("three children") {
          let found = ProcessTable.descendants(of: all.child.pid)
          return found.count == 3 ? found : nil
        }
        try await all.patiently("both listen") {
          all.log.components(separatedBy: "message=listening host=").count == 3 ? () : nil
        }
        #expect(await all.end() == .code(0))
        #expect(children.allSatisfy { kill($0, 0) != 0 })
      }
    }

    /// Where nothing can be written it serves as well: no file stands between the broker and the others.
    @Test(.timeLimit(.minutes(2))) func itNeedsNoFolderToWriteIn() async throws {
      try await onLoop {
        let all = try await self.start(["TMPDIR": "/nowhere"])
        _ = try await self.ports(all)
        #expect(await all.end() == .code(0))
      }
    }

    @Test func aBrokerThatCannotStartSaysWhy() async throws {
      try await onLoop {
        let (status, output) = try await ChildProcess.run(
          ChildProcess.Options(
            try EDAProcess.executable(), ["all"],
            environment: ["PATH": "/usr/bin:/bin", "KAFKA_PARTITIONS": "0"], output: .capture(limit: 100_000))
        )
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
        #expect(status == .code(2))
        #expect(lines.contains { $0.hasPrefix("eda broker: KAFKA_PARTITIONS") }, "\(lines)")
        #expect(lines.contains("eda all: broker ended with exit code 2"), "\(lines)")
      }
    }

    /// Who asks for TLS or a login and names no brokers would get a broker without either.
    @Test func securityWithoutNamedBrokersIsRefused() async throws {
      try await onLoop {
        let login = ["KAFKA_SASL_USERNAME": "shop", "KAFKA_SASL_PASSWORD": "a-secret-of-tests"]
        for settings in [
          ["KAFKA_SECURITY_PROTOCOL": "ssl"], login.merging(["KAFKA_SECURITY_PROTOCOL": "sasl_ssl"]) { $1 },
          login,
        ] {
          let (status, output) = try await ChildProcess.run(
            ChildProcess.Options(
              try EDAProcess.executable(), ["all"],
              environment: settings.merging(["PATH": "/usr/bin:/bin"]) { $1 },
              output: .capture(limit: 100_000)))
          let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
          #expect(status == .code(2))
          #expect(lines.count == 1 && lines[0].hasPrefix("eda all: KAFKA_S"), "\(lines)")
          #expect(!lines.joined().contains("a-secret-of-tests"))
        }
      }
    }

    @Test(.timeLimit(.minutes(2))) func whenOneEndsAllEnd() async throws {
      try await onLoop {
        let all = try await self.start()
        let children = try await all.patiently("three children") {
          let found = ProcessTable.descendants(of: all.child.pid)
          return found.count == 3 ? found : nil
        }
        kill(children[1], SIGKILL)
        let status = await all.child.exit()
        #expect(status == .code(1))
        #expect(children.allSatisfy { kill($0, 0) != 0 })
      }
    }

    @Test(.timeLimit(.minutes(1))) func helpAndMistakesAreOneLineEach() async throws {
      try await onLoop {
        func run(_ arguments: [String]) async throws -> (code: Int32?, output: String) {
          let (status, output) = try await ChildProcess.run(
            ChildProcess.Options(try EDAProcess.executable(), arguments, output: .capture(limit: 100_000)))
          guard case .code(let code) = status else { return (nil, "") }
          return (code, String(decoding: output, as: UTF8.self))
        }
        let (status, help) = try await run(["--help"])
        #expect(status == 0)
        for word in ["api", "worker", "broker", "all"] { #expect(help.contains("  \(word)")) }
        for face in ["api", "worker", "broker", "all"] {
          #expect(try await run([face, "--help"]).code == 0)
        }
        for wrong in [[], ["nonsense"], ["all", "--x"], ["broker", "--x", "1"]] {
          let (status, output) = try await run(wrong)
          #expect(status == 2 && output.split(separator: "\n").count == 1, "\(output)")
        }
      }
    }
  }
}
