import TestSupport
import EventLoop
import Foundation
import HTTP
import PrivateServers
import Testing

/// The programs as an operator meets them: flags, complaints, exit codes.
enum ServerProgram: String, CaseIterable, CustomTestStringConvertible {
  case monolith
  case edaAPI = "eda api"
  case edaWorker = "eda worker"

  var testDescription: String { rawValue }
  var executable: String { self == .monolith ? "monolith" : "eda" }
  var subcommand: [String] {
    switch self {
    case .monolith: []
    case .edaAPI: ["api"]
    case .edaWorker: ["worker"]
    }
  }

  /// A complete environment; nothing of it needs to answer for a start.
  @LoopActor func environment() async throws -> [String: String] {
    let database = try await TestServers.postgres().createDatabase(
      "program_\(Int.random(in: 0..<1_000_000_000))")
    return [
      "DATABASE_URL": database, "COUPON_KEY": Target.couponKey, "HTTP_PORT": "0",
      "REDIS_URL": try await TestServers.redis().url, "KAFKA_BROKERS": "127.0.0.1:1",
    ]
  }
}

extension Contract {
  @Suite(.limited) struct Programs {
    @LoopActor
    private static func run(
      _ program: ServerProgram, _ arguments: [String], _ environment: [String: String] = [:]
    ) async throws -> (code: Int32?, output: String) {
      try await ServerProcess.run(program.executable, program.subcommand + arguments, environment)
    }

    @Test(arguments: ServerProgram.allCases)
    func helpNamesTheSettings(program: ServerProgram) async throws {
      try await onLoop {
        let (code, output) = try await Self.run(program, ["--help"])
        #expect(code == 0)
        for name in [
          "HTTP_PORT", "--http-port", "DATABASE_URL", "COUPON_KEY", "LOG_LEVEL", "REQUEST_DEADLINE_MS",
        ] {
          #expect(output.contains(name), "\(name)")
        }
      }
    }

    @Test(arguments: ServerProgram.allCases)
    func aWrongSettingEndsTheStartWithOneLine(program: ServerProgram) async throws {
      try await onLoop {
        var environment = [
          "DATABASE_URL": "postgres://a:hidden@127.0.0.1:1/x", "COUPON_KEY": Target.couponKey,
        ]
        environment["REDIS_URL"] = "redis://127.0.0.1:1"
        environment["KAFKA_BROKERS"] = "127.0.0.1:1"
        let wrong: [([String], String, String)] = [
          (["--http-port", "x"], "", "HTTP_PORT"), (["--no-such-thing", "1"], "", "--no-such-thing"),
          ([], "COUPON_KEY", "COUPON_KEY"), (["--request-deadline-ms=0"], "", "REQUEST_DEADLINE_MS"),
        ]
        for (arguments, removed, named) in wrong {
          let (code, output) = try await Self.run(
            program, arguments, environment.filter { $0.key != removed })
          #expect(code == 2)
          #expect(output.contains(named))
          #expect(output.split(separator: "\n").count == 1, "\(output)")
          #expect(!output.contains("hidden"))
        }
      }
    }

    @Test(arguments: ServerProgram.allCases)
    func aPortThatIsTakenIsNamed(program: ServerProgram) async throws {
      try await onLoop {
        let (listener, port) = try Sockets.listen(host: "127.0.0.1", port: 0, reusePort: false, backlog: 1)
        defer { Sockets.close(listener) }
        var environment = try await program.environment()
        environment["HTTP_PORT"] = String(port)
        let (code, output) = try await Self.run(program, [], environment)
        #expect(code == 1)
        let lines = output.split(separator: "\n").filter { $0.contains("level=error") }
        #expect(lines.count == 1, "\(output)")
        #expect(lines.first?.contains("HTTP_PORT") == true && lines.first?.contains("\(port)") == true)
      }
    }

    @Test(arguments: ServerProgram.allCases, [SIGTERM, SIGINT])
    func aSignalEndsItWithCodeZero(program: ServerProgram, signal: Int32) async throws {
      try await onLoop {
        let server = try ServerProcess.start(
          program.executable, arguments: program.subcommand, environment: try await program.environment())
        let connection = try RawConnection(
          to: SocketAddress(numericHost: "127.0.0.1", port: try await server.ports().port))
        connection.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try await connection.answer().status == 200)
        server.signal(signal)
        #expect(await server.exit() == 0)
        #expect(await connection.isClosed())
        connection.close()
      }
    }
  }
}
