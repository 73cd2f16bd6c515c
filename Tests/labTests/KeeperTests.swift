import EventLoop
import Foundation
import HTTP
import PrivateServers
import TestSupport
import Testing

/// `lab up --restart`: a program that ends by itself comes back, with what is wrong in it.
@Suite(.serialized, .limited) struct KeeperTests {
  @Test(.timeLimit(.minutes(2))) func whatCrashesComesBackUntilItIsMendedAndNothingIsLost() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up("--restart")
      let parts = try #require(lab.state?.parts)
      let ports = parts.map(\.port)
      let (monolith, api) = (try part("monolith", parts), try part("eda-api", parts))
      #expect(try await lab.run("policy", "create", "--quota", "20").code == 0)
      #expect(try await ask(api, for: ["ann"]) == [201])
      let fault = try await lab.run("fault", "coupons", "crash", "--prefix", "kim", "--for", "5m")
      #expect(fault.code == 0 && fault.text.contains("in monolith and eda"), "\(fault.text)")
      let shown = try await lab.run("fault", "status").text
      #expect(
        shown.split(separator: "\n").filter { $0.contains("crash (people kim…)") }.count == 2, "\(shown)")

      // Coupons are promised, whatever happens to the worker that records them.
      #expect(try await ask(api, for: ["kim", "lee"]) == [201, 201])
      // Each time somebody asks for whom the code crashes, the whole program ends; the others are served after it.
      for times in ["once", "2 times"] {
        #expect(await ends(monolith, for: "kim"))
        try await until(within: .seconds(30)) { try await served(monolith, "lee") }
        let status = try await lab.run("status").text
        #expect(status.contains("monolith") && status.contains("started again \(times)"), "\(status)")
      }
      try await until(within: .seconds(30)) {
        try await lab.run("logs", "eda-worker").text.contains("keeper: eda-worker has ended (signal 9)")
      }
      #expect(try await rows(lab, parts) <= 1)

      // The code is mended: what was promised becomes rows, in the log's order.
      #expect(try await lab.run("fault", "heal").code == 0)
      try await until(within: .seconds(60)) { try await rows(lab, parts) == 3 }
      #expect(try await ask(monolith, for: ["kim"]) == [201])
      for architecture in ["monolith", "eda"] {
        let verified = try await lab.run("verify", "--no-history", "--only", architecture)
        #expect(verified.code == 0, "\(verified.text)")
      }
      #expect(lab.state?.parts.map(\.port) == ports)
      #expect(try await lab.run("down").code == 0)
      #expect(parts.allSatisfy { !$0.process.isRunning })
      for part in [monolith, api] { #expect(await !answers(part)) }
    }
  }

  /// A program that never comes to listen is not started again: `lab up` says why.
  @Test func whatCannotStartIsToldAtOnce() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let up = try await lab.run(
        "up", "--restart", "--only", "monolith", environment: ["DATABASE_POOL": "none"])
      #expect(up.code == 1 && up.text.contains("monolith has ended"), "\(up.text)")
      #expect(try await lab.run("reset").code == 0)
    }
  }

  private func part(_ name: String, _ parts: [LabFile.Part]) throws -> LabFile.Part {
    try #require(parts.first { $0.part == name })
  }

  /// Whether the connection is lost before the answer.
  @LoopActor
  private func ends(_ part: LabFile.Part, for person: String) async -> Bool {
    (try? await send(part, person)) == nil
  }

  @LoopActor
  private func served(_ part: LabFile.Part, _ person: String) async throws -> Bool {
    guard let status = try? await send(part, person) else { return false }
    return [200, 201].contains(status)
  }

  @LoopActor
  private func answers(_ part: LabFile.Part) async -> Bool { (try? await send(part, "ann")) != nil }

  @LoopActor
  private func send(_ part: LabFile.Part, _ person: String) async throws -> Int {
    let address = SocketAddress(numericHost: "127.0.0.1", port: part.port)
    let client = HTTPClient(HTTPClientConfiguration(address: address))
    defer { client.close() }
    return try await client.send(
      HTTPRequest(.post, "/v1/policies/1/coupons", headers: [("X-User-Id", person)]),
      deadline: .now + .seconds(20)
    ).status
  }

  @LoopActor
  private func rows(_ lab: LabProcess, _ parts: [LabFile.Part]) async throws -> Int {
    let postgres = try part("postgres", parts)
    let server = try PrivatePostgres.adopt(in: lab.folder, port: postgres.port, process: postgres.process)
    return Int(try await psql(server, "SELECT count(*) FROM eda.coupon")) ?? -1
  }
}
