import TestSupport
import CouponAPI
import CouponStore
import EventLoop
import Foundation
import HTTP
import Operations
import PrivateServers
import Programs
import Testing
import CouponMonolith
import Text

/// The fault switches of the whole program over its listeners: everything that needs the database fails, and comes back.
@Suite(.serialized, .limited) struct SwitchTests {
  /// Each has its own way to wait for a connection.
  private static let strategies = [MonolithStrategy.forUpdate, .forUpdateBatched]

  @Test(arguments: strategies)
  func anOutageFailsEverythingAtOnceAndHeals(strategy: MonolithStrategy) async throws {
    try await withProgram(strategy: strategy) { program in
      #expect(try await program.ask("kim") == 201)
      #expect(try await program.stays() == 200)
      try await program.put(#"{"kind":"outage","ttlSeconds":60}"#)
      let began = Instant.now
      for person in ["kim", "lee", "park"] { #expect(try await program.ask(person) == 503) }
      #expect(try await program.stays() == 503)
      // Four deadlines would be 8 s.
      #expect(Instant.now - began < .seconds(6))
      #expect(try await program.bitesOfCleared() > 0)
      try await program.untilItWorks()
      #expect(try await program.ask("kim") == 200)
      #expect(try await program.ask("lee") == 201)
    }
  }

  /// Decided, and nothing of it written: whatever the strategy, as long as it decides in a transaction.
  @Test(arguments: MonolithStrategy.allCases.filter { $0 != .atomicUpdate })
  func aBugFailsThoseWhomItIsForAndLeavesNothing(strategy: MonolithStrategy) async throws {
    try await withProgram(quota: 2, strategy: strategy) { program in
      try await program.put(#"{"kind":"error","prefix":"kim","ttlSeconds":60}"#, at: "coupons")
      #expect(try await program.ask("kim") == 503)
      #expect(try await program.stays() == 200)
      #expect(try await program.ask("lee") == 201)
      #expect(try await program.ask("kimchi") == 503)
      #expect(try await program.issued() == 1)
      // Who is refused reaches nothing that could fail, nor does who holds a coupon.
      #expect(try await program.ask("lee") == 200)
      #expect(try await program.bitesOfCleared(at: "coupons") == 2)
      #expect(try await program.ask("kim") == 201)
      #expect(try await program.ask("kimchi") == 409)
    }
  }

  /// One thread: while it is blocked, nobody is answered.
  @Test func aStallMakesEverybodyWait() async throws {
    try await withProgram { program in
      try await program.put(#"{"kind":"stall","stallMs":400,"ttlSeconds":60}"#, at: "coupons")
      let coupon = start { try await program.ask("kim") }
      let began = Instant.now
      // The claim is on its way before the stays are asked for, again and again until it is answered.
      var slowest = Duration.zero
      while !coupon.isDone {
        let asked = Instant.now
        #expect(try await program.stays() == 200)
        slowest = max(slowest, .now - asked)
      }
      #expect(try await coupon.value() == 201)
      #expect(slowest >= .milliseconds(300) && Instant.now - began >= .milliseconds(400))
    }
  }

  @Test func itHealsByItself() async throws {
    try await withProgram { program in
      try await program.put(#"{"kind":"outage","ttlSeconds":2}"#)
      #expect(try await program.ask("kim") == 503)
      try await program.untilItWorks()
      #expect(try await program.bitesOfCleared() > 0)
    }
  }

  @Test(arguments: strategies)
  func whatHangsIsToldAtTheDeadline(strategy: MonolithStrategy) async throws {
    try await withProgram(deadline: 300, strategy: strategy) { program in
      // A busy machine may need longer than that for the first call.
      while try await program.ask("kim") == 503 {}
      try await program.put(#"{"kind":"hang","ttlSeconds":60}"#)
      let began = Instant.now
      #expect(try await program.ask("lee") == 503)
      #expect(try await program.stays() == 503)
      let took = Instant.now - began
      #expect(took >= .milliseconds(400) && took < .seconds(20), "\(took)")
      _ = try await program.bitesOfCleared()
      try await program.untilItWorks()
      var answer = 503
      while answer == 503 { answer = try await program.ask("lee") }
      // The second where the first call's answer was late.
      #expect([200, 201].contains(answer))
    }
  }

  @Test func latencyIsFeltAndNothingFails() async throws {
    try await withProgram { program in
      #expect(try await program.ask("kim") == 201)
      try await program.put(#"{"kind":"latency","latencyMs":40,"ttlSeconds":60}"#)
      let began = Instant.now
      #expect(try await program.ask("lee") == 201)
      // A look, then two round trips.
      #expect(Instant.now - began >= .milliseconds(120))
      #expect(try await program.stays() == 200)
    }
  }

  @Test(arguments: strategies)
  func aFlakyDatabaseNeverMakesTwoOfOne(strategy: MonolithStrategy) async throws {
    try await withProgram(quota: 30, strategy: strategy) { program in
      try await program.put(#"{"kind":"flaky","rate":0.2,"seed":11,"ttlSeconds":60}"#)
      var troubles = 0
      for number in 0..<40 {
        var status = 503
        while status == 503 {
          status = try await program.ask("person-\(number)")
          if status == 503 { troubles += 1 }
        }
        #expect(status == (number < 30 ? status : 409) && [200, 201, 409].contains(status))
      }
      #expect(troubles > 0)
      #expect(try await program.bitesOfCleared() > 0)
      try await program.untilItWorks()
      #expect(try await program.issued() == 30)
    }
  }
}

/// A monolith with both listeners and a client for each.
@LoopActor
private struct RunningProgram {
  static let token = "the-monolith-tests-may-call"
  let application: Application
  let client: HTTPClient
  let admin: HTTPClient

  func send(_ request: HTTPRequest, _ client: HTTPClient) async throws -> HTTPClientResponse {
    try await client.send(request, deadline: .now + .seconds(20))
  }

  func ask(_ person: String) async throws -> Int {
    try await send(HTTPRequest(.post, "/v1/policies/1/coupons", headers: [("X-User-Id", person)]), client)
      .status
  }

  func stays() async throws -> Int { try await send(HTTPRequest(.get, "/v1/stays"), client).status }

  func issued() async throws -> Int? {
    let answer = try await send(HTTPRequest(.get, "/v1/policies/1"), client)
    let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
    return (object?["today"] as? [String: Any])?["issued"] as? Int
  }

  func untilItWorks() async throws {
    let deadline = Instant.now + .seconds(20)
    while true {
      if try await stays() == 200, try await issued() != nil { return }
      try #require(Instant.now < deadline)
      await EventLoop.shared.sleep(for: .milliseconds(10))
    }
  }

  private func operate(_ method: HTTPMethod, _ path: String, _ body: String = "") async throws
    -> HTTPClientResponse
  {
    let headers = [("Authorization", "Bearer \(RunningProgram.token)")]
    return try await send(HTTPRequest(method, path, headers: headers, body: Array(body.utf8)), admin)
  }

  func put(_ fault: String, at target: String = "database") async throws {
    let answer = try await operate(.put, "/admin/faults/\(target)", fault)
    try #require(answer.status == 200)
  }

  func bitesOfCleared(at target: String = "database") async throws -> Int {
    let answer = try await operate(.delete, "/admin/faults/\(target)")
    let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
    return try #require((object?["fault"] as? [String: Any])?["bites"] as? Int)
  }

  func createPolicy(quota: Int) async throws {
    let seconds = Int(Date().timeIntervalSince1970)
    let (today, offset) = (seconds / 86_400, 12 - seconds / 3_600 % 24)
    // A time zone in which it is about noon; the signs in the names of these zones are turned round.
    let zone = offset == 0 ? "Etc/GMT" : offset > 0 ? "Etc/GMT-\(offset)" : "Etc/GMT+\(-offset)"
    let days = [-1, 1].map { distance in
      Date(timeIntervalSince1970: Double((today + distance) * 86_400)).formatted(
        .iso8601.year().month().day())
    }
    let policy = """
      {"policyId":1,"name":"switch","startsOn":"\(days[0])","endsOn":"\(days[1])","opensAt":"00:00",
      "timeZone":"\(zone)","dailyQuota":\(quota),"perPerson":"once"}
      """
    let answer = try await operate(.post, "/admin/policies", policy)
    try #require(answer.status == 201)
  }
}

private func withProgram(
  deadline: Int = 2_000, quota: Int = 20, strategy: MonolithStrategy = .forUpdate,
  _ body: @escaping @Sendable @LoopActor (RunningProgram) async throws -> Void
) async throws {
  try await onLoop {
    let schema = "switched_\(Instant.now.nanoseconds)"
    let settings = try MonolithSettings.read(
      environment: [
        "DATABASE_URL": try await TestServers.postgres().url, "DATABASE_SCHEMA": schema,
        "COUPON_KEY": "a secret of the tests", "REQUEST_DEADLINE_MS": String(deadline), "HTTP_PORT": "0",
        "ADMIN_PORT": "0", "ADMIN_TOKEN": RunningProgram.token, "COUPON_STRATEGY": strategy.rawValue,
      ], arguments: [])
    let context = ProgramContext(
      log: Log(program: "monolith", level: .error, output: LogOutput()), metrics: Metrics())
    let application = Monolith(settings, context).application()
    try await application.start()
    @LoopActor func client(_ port: Int) -> HTTPClient {
      HTTPClient(HTTPClientConfiguration(address: SocketAddress(numericHost: "127.0.0.1", port: port)))
    }
    let program = RunningProgram(
      application: application, client: client(application.port),
      admin: client(try #require(application.adminPort)))
    let result: Result<Void, any Error>
    do {
      try await program.createPolicy(quota: quota)
      result = .success(try await body(program))
    } catch { result = .failure(error) }
    program.client.close()
    program.admin.close()
    await application.stop()
    try result.get()
  }
}
