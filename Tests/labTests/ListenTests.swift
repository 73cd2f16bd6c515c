import EventLoop
import Foundation
import HTTP
import TestSupport
import Testing
import lab

/// Where programs listen, who is told, and what scripts read of it.
@Suite(.limited) struct ListenTests {
  private struct Status: Decodable {
    struct Part: Decodable {
      let part: String
      let pid: Int32
      let runs: Bool
      let ready: Bool
      let port: Int
      let url: String?
      let operatorUrl: String?
    }
    let folder: String
    let healthy: Bool
    let operatorTokenFile: String
    let parts: [Part]
  }

  @LoopActor
  private func status(_ lab: LabProcess) async throws -> (code: Int32, Status) {
    let (code, text) = try await lab.run("status", "--json")
    return (code, try JSONDecoder().decode(Status.self, from: Data(text.utf8)))
  }

  /// The answer to an operator's call with the token of the file that the status names.
  @LoopActor
  private func callOperator(_ status: Status, _ port: Int) async throws -> Int {
    let token = try String(contentsOfFile: status.operatorTokenFile, encoding: .utf8)
      .trimmingCharacters(in: .newlines)
    let client = HTTPClient(
      HTTPClientConfiguration(address: SocketAddress(numericHost: "127.0.0.1", port: port)))
    defer { client.close() }
    let request = HTTPRequest(.get, "/admin/faults", headers: [("Authorization", "Bearer \(token)")])
    return try await client.send(request, deadline: .now + .seconds(20)).status
  }

  @Test(.timeLimit(.minutes(3))) func programsListenWhereTheyAreToldAndStayThere() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let (port, admin) = (try Sockets.freePort(), try Sockets.freePort())
      let up = try await lab.upSaying(
        "--only", "monolith", "--host", "0.0.0.0", "--monolith-port", "\(port)", "--operator-host", "0.0.0.0",
        "--operator-ports", "\(admin)")
      let warning = up.split(separator: "\n").filter { $0.hasPrefix("! open to other machines: ") }
      #expect(warning.count == 1)
      #expect(warning.first?.contains("monolith 0.0.0.0:\(port)") == true, "\(up)")
      #expect(warning.first?.contains("monolith 0.0.0.0:\(admin), with the token in ") == true)
      #expect(warning.first?.hasSuffix("\(lab.folder)/operator-token") == true)

      for _ in 0..<2 {
        let (code, found) = try await status(lab)
        #expect(code == 0 && found.healthy && found.folder == lab.folder)
        let monolith = try #require(found.parts.first { $0.part == "monolith" })
        #expect(monolith.url == "http://127.0.0.1:\(port)" && monolith.port == port)
        #expect(monolith.operatorUrl == "http://127.0.0.1:\(admin)")
        #expect(found.parts.allSatisfy { ($0.url == nil) == ($0.part == "postgres") })
        #expect(try await callOperator(found, admin) == 200)
        // From another address of this machine, as from another machine.
        let address = SocketAddress(numericHost: "127.0.0.2", port: port)
        let client = HTTPClient(HTTPClientConfiguration(address: address))
        #expect(
          try await client.send(HTTPRequest(.get, "/readyz"), deadline: .now + .seconds(20)).status == 200)
        client.close()
        // What is started again stays where it was.
        #expect(try await lab.run("fault", "monolith", "restart").code == 0)
        try lab.adoptAgain()
        try await until { try await status(lab).1.healthy }
      }
      let text = try await lab.run("status", "--json").text
      let token = try String(contentsOfFile: lab.folder + "/operator-token", encoding: .utf8)
      #expect(!text.contains(token.trimmingCharacters(in: .newlines)))
      let mode = try FileManager.default.attributesOfItem(atPath: lab.folder + "/operator-token")
      #expect((mode[.posixPermissions] as? NSNumber)?.intValue == 0o600)
      #expect(try await lab.run("reset").code == 0)
      #expect(!FileManager.default.fileExists(atPath: lab.folder + "/operator-token"))
      let (after, nothing) = try await status(lab)
      #expect(after == 1 && !nothing.healthy && nothing.parts.isEmpty)
    }
  }

  @Test(.timeLimit(.minutes(3))) func eachProgramOfTheEventsHasItsPlace() async throws {
    try await onLoop {
      let lab = try LabProcess()
      var ports: [Int] = []
      for _ in 0..<4 { ports.append(try Sockets.freePort()) }
      let up = try await lab.upSaying(
        "--only", "eda", "--eda-port", "\(ports[0])", "--worker-port", "\(ports[1])", "--operator-ports",
        "\(ports[2]),\(ports[3])")
      #expect(!up.contains("open to other machines"))
      let (_, found) = try await status(lab)
      let api = try #require(found.parts.first { $0.part == "eda-api" })
      let worker = try #require(found.parts.first { $0.part == "eda-worker" })
      #expect([api.url, worker.url] == [ports[0], ports[1]].map { "http://127.0.0.1:\($0)" })
      #expect(
        [api.operatorUrl, worker.operatorUrl] == [ports[2], ports[3]].map { "http://127.0.0.1:\($0)" })
      // The loopback's other addresses are not listened on.
      let client = HTTPClient(
        HTTPClientConfiguration(address: SocketAddress(numericHost: "127.0.0.2", port: ports[0])))
      await #expect(throws: HTTPClientError.self) {
        try await client.send(HTTPRequest(.get, "/readyz"), deadline: .now + .seconds(5))
      }
      client.close()
      // One call reaches both.
      let switched = try await lab.run("fault", "database", "outage", "--for", "60s")
      #expect(switched.code == 0, "\(switched.text)")
      let shown = try await lab.run("fault", "status").text
      #expect(shown.contains("eda-worker") && shown.components(separatedBy: "outage").count == 3, "\(shown)")
      #expect(try await lab.run("fault", "heal").code == 0)
      #expect(try await lab.run("reset").code == 0)
    }
  }

  @Test(arguments: [
    (["--host", "localhost"], "--host must be a numeric address"),
    (["--host", "10.0.0.256"], "--host must be a numeric address"),
    (["--operator-host", "x"], "--operator-host must be a numeric address"),
    (["--eda-port", "0"], "--eda-port must be a number in 1…65535"),
    (["--operator-ports", "1,2"], "--operator-ports must be 3 ports with commas between them"),
    (["--only", "monolith", "--operator-ports", "1,2,3"], "must be 1 ports with commas"),
    (["--operator-ports", "1,2,x"], "--operator-ports must be 3 ports"),
    (["--only", "eda", "--monolith-port", "80"], "--monolith-port is for a program that is not started"),
    (["--monolith-port", "81", "--eda-port", "81"], "a port is given twice"),
  ])
  func whatCannotBeMeantIsNamed(arguments: [String], message: String) async throws {
    try await onLoop {
      let (code, text) = try await LabProcess().run(arguments: ["up"] + arguments)
      #expect(code == 2)
      #expect(text.contains(message), "\(text)")
    }
  }

  /// One that has more policies than the other must not lead to a policy in one alone.
  @Test(.timeLimit(.minutes(3))) func aPolicyOfBothHasANumberThatIsFreeInBoth() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up()
      func create(_ arguments: String...) async throws -> [String] {
        let (code, text) = try await lab.run(arguments: ["policy", "create", "--quota", "5"] + arguments)
        #expect(code == 0, "\(text)")
        return text.split(separator: "\n").map { String($0.prefix { $0 != ":" }) }
      }
      #expect(try await create() == ["monolith  policy 1", "eda-api  policy 1"])
      for _ in 0..<3 { _ = try await create("--only", "eda") }
      #expect(try await create() == ["monolith  policy 5", "eda-api  policy 5"])
      // Another generator would fill the embedded broker beyond what it keeps, and nobody would be told.
      let large = try await lab.run("policy", "create", "--quota", "20001")
      #expect(large.code == 1 && large.text.contains("more than the embedded broker holds"), "\(large.text)")
      _ = try await create("--only", "monolith", "--id", "2147483647", "--per-person", "daily")
      #expect(try await create() == ["monolith  policy 6", "eda-api  policy 6"])
      // Nobody's history, of tables that say themselves how they were filled.
      let verify = try await lab.run("verify", "--no-history", "--only", "monolith", "--policy", "6")
      #expect(verify.text.hasPrefix("monolith, policy 6\n"), "\(verify.text)")
      #expect(try await lab.run("reset").code == 0)
    }
  }

  /// Where Redis decides there is no order to check, whoever asks: the tables say so, not what the program was told.
  @Test(.timeLimit(.minutes(3))) func whatTheTablesWereFilledUnderIsAskedOfThem() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up("--only", "eda", environment: ["COUPON_STRATEGY": "redis-lua"])
      #expect(try await lab.run("policy", "create", "--quota", "3").code == 0)
      let api = try #require(lab.state?.parts.first { $0.part == "eda-api" })
      #expect(try await ask(api, for: ["ann", "bob", "cho", "dan"]) == [201, 201, 201, 409])
      let verify = try await lab.run("verify", "--no-history")
      #expect(verify.code == 0, "\(verify.text)")
      #expect(verify.text.contains("with this strategy Redis decides, not the log"))
      #expect(try await lab.run("reset").code == 0)
    }
  }

  @Test func aPortThatIsTakenEndsTheStartInOneLine() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let (descriptor, port) = try Sockets.listen(host: "127.0.0.1", port: 0)
      defer { Sockets.close(descriptor) }
      let (code, text) = try await lab.run("up", "--only", "monolith", "--monolith-port", "\(port)")
      #expect(code == 1)
      #expect(text.contains("\(port)") && text.contains("in use"), "\(text)")
      #expect(lab.state?.parts.isEmpty ?? false)
      #expect(try await lab.run("reset").code == 0)
    }
  }
}
