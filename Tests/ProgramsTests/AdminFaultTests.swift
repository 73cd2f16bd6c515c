import CouponAPI
import CouponStore
import EventLoop
import Foundation
import HTTP
import Faults
import Operations
import Programs
import TestSupport
import Testing

/// The switches over real listeners: one program alone, and one that forwards to others.
@Suite(.limited) struct AdminFaultTests {
  @Test func aSwitchIsPutShownAndTakenAway() async throws {
    try await withPrograms([[.database, .redis]]) { programs in
      let program = programs[0]
      let put = try await program.call(
        .put, "database", #"{"kind":"latency","latencyMs":300,"ttlSeconds":9.5}"#)
      #expect(put.status == 200)
      let fault = try #require(put.object["fault"] as? [String: Any])
      #expect(fault["kind"] as? String == "latency" && fault["latencyMs"] as? Int == 300)
      #expect(fault["ttlSeconds"] as? Double == 9.5 && fault["bites"] as? Int == 0)
      #expect((put.object["peers"] as? [Any])?.isEmpty == true)
      #expect(program.board?.effect(.database) == .delay(.milliseconds(300)))
      let shown = try await program.call(.get, "database")
      #expect((shown.object["fault"] as? [String: Any])?["bites"] as? Int == 1)
      let all = try await program.call(.get, nil)
      #expect(
        (all.object["faults"] as? [[String: Any]])?.map { $0["target"] as? String } == ["database", "redis"])
      let deleted = try await program.call(.delete, "database")
      #expect((deleted.object["fault"] as? [String: Any])?["kind"] is NSNull)
      #expect((deleted.object["fault"] as? [String: Any])?["bites"] as? Int == 1)
      #expect(program.board?.effect(.database) == FaultEffect.none)
      #expect(try await program.call(.delete, "database").status == 200)
    }
  }

  @Test(arguments: [
    ("", "body"), ("[]", "body"), (#"{"kind":"outage","kind":"hang","ttlSeconds":1}"#, "body"),
    ("{}", "ttlSeconds"), (#"{"ttlSeconds":1}"#, "kind"), (#"{"kind":"outage"}"#, "ttlSeconds"),
    (#"{"kind":"fire","ttlSeconds":1}"#, "kind"), (#"{"kind":1,"ttlSeconds":1}"#, "kind"),
    (#"{"kind":"outage","ttlSeconds":"1"}"#, "ttlSeconds"),
    (#"{"kind":"outage","ttlSeconds":0}"#, "ttlSeconds"),
    (#"{"kind":"outage","ttlSeconds":3601}"#, "ttlSeconds"),
    (#"{"kind":"outage","ttlSeconds":1e999}"#, "ttlSeconds"),
    (#"{"kind":"outage","ttlSeconds":1,"colour":2}"#, "colour"),
    (#"{"kind":"outage","ttlSeconds":1,"rate":0.5}"#, "rate"),
    (#"{"kind":"latency","ttlSeconds":1}"#, "latencyMs"),
    (#"{"kind":"latency","ttlSeconds":1,"latencyMs":0.5}"#, "latencyMs"),
    (#"{"kind":"latency","ttlSeconds":1,"latencyMs":60001}"#, "latencyMs"),
    (#"{"kind":"flaky","ttlSeconds":1}"#, "rate"), (#"{"kind":"flaky","ttlSeconds":1,"rate":1.5}"#, "rate"),
    (#"{"kind":"flaky","ttlSeconds":1,"rate":null}"#, "rate"),
    (#"{"kind":"flaky","ttlSeconds":1,"rate":1,"seed":-1}"#, "seed"),
    (#"{"kind":"flaky","ttlSeconds":1,"rate":1,"seed":1.5}"#, "seed"),
    (#"{"kind":"stall","stallMs":5,"ttlSeconds":1}"#, "kind"),
    (#"{"kind":"outage","ttlSeconds":1,"prefix":"a"}"#, "prefix"),
  ])
  func whatBreaksARuleNamesItsFieldAndChangesNothing(body: String, field: String) async throws {
    try await withPrograms([[.database]]) { programs in
      let answer = try await programs[0].call(.put, "database", body)
      #expect(answer.status == 400)
      #expect(answer.object["code"] as? String == "invalid-fault")
      #expect(answer.object["field"] as? String == field, "\(answer.object)")
      #expect(programs[0].board?.current(.database, now: .now).spec == nil)
    }
  }

  @Test func pathsMethodsAndTokensAreStrict() async throws {
    try await withPrograms([[.database]]) { programs in
      let program = programs[0]
      let outage = #"{"kind":"outage","ttlSeconds":1}"#
      let unused = try await program.call(.put, "redis", outage)
      #expect(unused.status == 404 && unused.object["code"] as? String == "not-used")
      #expect(unused.object["detail"] as? String == "This program uses no redis.")
      for target in ["disk", "databases", "database/", "", "Database"] {
        #expect(try await program.call(.put, target, outage).status == 404)
      }
      let wrong = try await program.call(.post, "database", outage)
      #expect(wrong.status == 405 && wrong.headers.first("allow") == "GET, HEAD, PUT, DELETE")
      let wrongAll = try await program.call(.put, nil, outage)
      #expect(wrongAll.status == 405 && wrongAll.headers.first("allow") == "GET, HEAD, DELETE")
      #expect(try await program.call(.put, "database", outage, token: "wrong").status == 401)
      #expect(program.board?.current(.database, now: .now).spec == nil)
    }
  }

  @Test func oneCallReachesEveryPeerAndIsNotForwardedAgain() async throws {
    // Each is the other's peer: what was forwarded must not come back.
    try await withPrograms(
      [FaultTarget.allCases, [.database, .kafka]], peersOfFirst: [1], peersOfSecond: [0]
    ) {
      programs in
      let put = try await programs[0].call(.put, "database", #"{"kind":"outage","ttlSeconds":60}"#)
      #expect(put.status == 200)
      #expect(programs.allSatisfy { $0.board?.effect(.database) == .now(.refusedByASwitch) })
      let peers = try #require(put.object["peers"] as? [[String: Any]])
      #expect(peers.count == 1 && peers[0]["status"] as? Int == 200)
      #expect((peers[0]["answer"] as? [String: Any])?["peers"] as? [String] == [])
      // A peer that does not use the server is no trouble.
      let redis = try await programs[0].call(.put, "redis", #"{"kind":"outage","ttlSeconds":60}"#)
      #expect(redis.status == 200)
      #expect((redis.object["peers"] as? [[String: Any]])?.first?["status"] as? Int == 404)
      let shown = try await programs[1].call(.get, "database")
      #expect((shown.object["fault"] as? [String: Any])?["bites"] as? Int == 1)
      #expect(try await programs[1].call(.delete, nil).status == 200)
      #expect(programs.allSatisfy { $0.board?.all(now: .now).allSatisfy { $0.spec == nil } == true })
    }
  }

  /// The API of the event-driven version records no coupons, and its peer does.
  @Test func whatOnlyAPeerHasIsPassedOn() async throws {
    let error = #"{"kind":"error","prefix":"p1-","ttlSeconds":60}"#
    try await withPrograms(
      [FaultTarget.servers, [.database, .coupons]], peersOfFirst: [1], peersOfSecond: []
    ) { programs in
      let put = try await programs[0].call(.put, "coupons", error)
      #expect(put.status == 200, "\(put.object)")
      #expect((put.object["fault"] as? [String: Any])?["kind"] is NSNull)
      let peer = try #require((put.object["peers"] as? [[String: Any]])?.first)
      let fault = (peer["answer"] as? [String: Any])?["fault"] as? [String: Any]
      #expect(fault?["kind"] as? String == "error" && fault?["prefix"] as? String == "p1-")
      #expect(programs[1].board?.effect(on: "p1-5") == .fail)
      let wrong = try await programs[0].call(.put, "coupons", #"{"kind":"outage","ttlSeconds":60}"#)
      #expect(wrong.status == 400 && wrong.object["field"] as? String == "kind")
      #expect(try await programs[0].call(.delete, "coupons").status == 200)
      #expect(programs[1].board?.effect(on: "p1-5") == CouponEffect.none)
    }
    // Nobody has it: with a peer as without.
    try await withPrograms([FaultTarget.servers, [.database]], peersOfFirst: [1], peersOfSecond: []) {
      programs in
      for program in programs {
        let answer = try await program.call(.put, "coupons", error)
        #expect(answer.status == 404 && answer.object["code"] as? String == "not-used")
        #expect(answer.object["detail"] as? String == "This program records no coupons.")
      }
    }
  }

  @Test func aPeerThatIsNotThereIsTold() async throws {
    try await withPrograms([[.database]], deadPeer: true) { programs in
      let put = try await programs[0].call(.put, "database", #"{"kind":"outage","ttlSeconds":60}"#)
      #expect(put.status == 502)
      #expect(put.object["code"] as? String == "peer-not-reached")
      #expect((put.object["detail"] as? String)?.hasPrefix("Done here, but not at 127.0.0.1:") == true)
      #expect((put.object["fault"] as? [String: Any])?["kind"] as? String == "outage")
      #expect((put.object["peers"] as? [[String: Any]])?.first?["status"] is NSNull)
      #expect(programs[0].board?.effect(.database) == .now(.refusedByASwitch))
    }
  }

  /// A look-up without a deadline once left the operator without any answer.
  @Test func aPeerWhoseNameIsNotLookedUpInTimeIsTold() async throws {
    try await withPrograms([[.database]], deadPeer: true, peerHost: "localhost") { programs in
      let names = SilentNameService()
      let asked = start {
        try await programs[0].call(.put, "database", #"{"kind":"outage","ttlSeconds":60}"#)
      }
      let put: Result<HTTPClientResponse, any Error>
      do {
        put = .success(try await asked.value(deadline: .now + .seconds(10)))
      } catch {
        put = .failure(error)
      }
      names.answer()
      let answer = try put.get()
      #expect(answer.status == 502)
      #expect(programs[0].board?.effect(.database) == .now(.refusedByASwitch))
    }
  }

  /// As `localhost` is, where a peer listens at 127.0.0.1 alone.
  @Test func aPeerWithAnAddressWhereNobodyListensIsAskedAtTheNext() async throws {
    try await withPrograms([[.database]]) { programs in
      let port = try #require(programs[0].application.adminPort)
      let addresses = ["::1", "127.0.0.1"].map { SocketAddress(numericHost: $0, port: port) }
      let request = HTTPRequest(
        .get, "/admin/faults", headers: [("Authorization", "Bearer \(Fixture.token)")])
      let answer = try await AdminPeers.send(request, toOneOf: addresses, deadline: .now + .seconds(20))
      #expect(answer.status == 200)
      await #expect(throws: HTTPClientError.self) {
        try await AdminPeers.send(request, toOneOf: [addresses[0]], deadline: .now + .seconds(20))
      }
    }
  }

  @Test func withoutTheListenerThereAreNoSwitches() async throws {
    try await onLoop {
      var reader = SettingsReader(environment: [:], arguments: [])
      let context = Fixture.quietContext().switchable(FaultTarget.allCases, by: try AdminSettings(&reader))
      #expect(context.faults == nil && context.seam(.database) == nil)
    }
  }
}

/// A program with nothing but its listeners and switches.
@LoopActor
private struct FaultyProgram {
  let application: Application
  let board: FaultBoard?
  let client: HTTPClient

  func call(
    _ method: HTTPMethod, _ target: String?, _ body: String = "", token: String = Fixture.token
  ) async throws -> HTTPClientResponse {
    let path = "/admin/faults" + (target.map { "/" + $0 } ?? "")
    let request = HTTPRequest(
      method, path, headers: [("Authorization", "Bearer \(token)")], body: Array(body.utf8))
    return try await client.send(request, deadline: .now + .seconds(20))
  }
}

extension HTTPClientResponse {
  fileprivate var object: [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
  }
}

@LoopActor
private func start(
  _ targets: [FaultTarget], port: Int, peers: [Int], peerHost: String
) async throws -> FaultyProgram {
  var environment = ["HTTP_PORT": "0", "ADMIN_PORT": String(port), "ADMIN_TOKEN": Fixture.token]
  if !peers.isEmpty { environment["ADMIN_PEERS"] = peers.map { "\(peerHost):\($0)" }.joined(separator: ",") }
  var reader = SettingsReader(environment: environment, arguments: [])
  let server = try ServerSettings(&reader, defaultPort: 0)
  let admin = try AdminSettings(&reader)
  try reader.finish()
  let context = Fixture.quietContext().switchable(targets, by: admin)
  let application = Application(
    server: server, admin: admin,
    services: APIServices(readiness: { ServiceReadiness(reasons: []) }), parts: [], context: context,
    clock: SystemClock())
  try await application.start()
  let address = SocketAddress(numericHost: "127.0.0.1", port: try #require(application.adminPort))
  return FaultyProgram(
    application: application, board: context.faults,
    client: HTTPClient(HTTPClientConfiguration(address: address)))
}

private func withPrograms(
  _ targets: [[FaultTarget]], peersOfFirst: [Int] = [], peersOfSecond: [Int] = [], deadPeer: Bool = false,
  peerHost: String = "127.0.0.1",
  _ body: @escaping @Sendable @LoopActor ([FaultyProgram]) async throws -> Void
) async throws {
  try await onLoop {
    let ports = try targets.map { _ in try Sockets.freePort() }
    let dead = deadPeer ? [try Sockets.freePort()] : []
    var programs: [FaultyProgram] = []
    for (index, used) in targets.enumerated() {
      let peers = (index == 0 ? peersOfFirst : peersOfSecond).map { ports[$0] } + dead
      programs.append(try await start(used, port: ports[index], peers: peers, peerHost: peerHost))
    }
    let result: Result<Void, any Error>
    do { result = .success(try await body(programs)) } catch { result = .failure(error) }
    for program in programs {
      program.client.close()
      await program.application.stop()
    }
    try result.get()
  }
}
