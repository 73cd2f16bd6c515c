import EventLoop
import Foundation
import HTTP
import TestSupport
import Testing

extension EDATests {
  /// The fault switches, seen to bite and to heal in `eda api` and `eda worker`: one call reaches both.
  @Suite(.limited) struct Switches {
    private static let minute = #""ttlSeconds":60}"#

    /// The database away: no coupon fails, the bystander does, the worker falls behind and comes back.
    @Test(.timeLimit(.minutes(2))) func withoutTheDatabaseCouponsGoOn() async throws {
      try await play { stage, api in
        for kind in ["outage", "hang"] {
          let crowd = Crowd(policy: try await stage.newPolicy(quota: 20))
          try await stage.waitForLag0()
          _ = try await stage.callFaults(.put, "database", #"{"kind":"\#(kind)","# + Self.minute)
          await crowd.ask(people(40), of: stage)
          #expect(crowd.troubles == 0 && crowd.winners.count == 20 && crowd.refused.count == 20)
          #expect(try await stays(api) == 503)
          #expect(try await stage.rows(of: crowd.policy).isEmpty)
          let worker = try await metrics(of: stage, containing: "coupon_consumer_lag")
          #expect(worker.contains("fault_active{target=\"database\",kind=\"\(kind)\"} 1"))
          // The worker tries when the winners reach it, which may be after the last answer.
          try await eventually("both programs have met it") {
            let met = try await stage.callFaults(.get, "database").object
            return bites(met) > 0 && bites(ofPeer: met) > 0
          }
          let healed = try await stage.callFaults(.delete, "database").object
          #expect(bites(healed) > 0 && bites(ofPeer: healed) > 0)
          try await stage.waitForLag0()
          try await crowd.check(against: stage, quota: 20, people: 40)
          try await eventually("the bystander is back") { try await stays(api) == 200 }
        }
      }
    }

    /// Redis or Kafka away: whoever holds a coupon keeps it, nobody hears "sold out", nothing new is decided; then all is.
    @Test(.timeLimit(.minutes(2)), arguments: ["redis", "kafka"])
    func withoutRedisOrKafkaNobodyIsRefused(target: String) async throws {
      try await play(deadline: 300) { stage, api in
        for kind in ["outage", "hang", "flaky", "latency"] {
          let particular = ["flaky": #""rate":0.5,"seed":3,"#, "latency": #""latencyMs":50,"#][kind] ?? ""
          let crowd = Crowd(policy: try await stage.newPolicy(quota: 20))
          await crowd.ask(["first"], of: stage)
          let before = crowd.troubles
          _ = try await stage.callFaults(.put, target, #"{"kind":"\#(kind)",\#(particular)"# + Self.minute)
          let surge = EventLoop.shared.spawn { await crowd.ask(people(39), of: stage) }
          if kind == "latency" {
            await surge.value
          } else {
            let enough = kind == "flaky" ? 1 : 20
            try await eventually("trouble") { crowd.troubles >= before + enough }
          }
          if kind == "outage" || kind == "hang" {
            #expect(crowd.winners.keys.sorted() == ["first"] && crowd.refused.isEmpty)
            // From the list, which needs neither.
            #expect(try await ask("first", crowd.policy, api) == 200)
          }
          #expect(bites(try await stage.callFaults(.delete, target).object) > 0)
          await surge.value
          try await stage.waitForLag0()
          try await crowd.check(against: stage, quota: 20, people: 40)
        }
      }
    }

    /// N1, N2: killed at each of its points, nothing is lost and nothing happens twice.
    @Test(.timeLimit(.minutes(2)), arguments: ["worker-before-commit", "worker-after-commit:2"])
    func aWorkerKilledAroundItsCommit(point: String) async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker(["CRASH_AT": point])
        try await stage.startAPI()
        let crowd = Crowd(policy: try await stage.newPolicy(quota: 20))
        let doomed = try #require(stage.worker)
        // One person is one batch; a crowd may be several.
        await crowd.ask(["first"], of: stage)
        if point.hasSuffix(":2") {
          try await eventually("the first batch is written") {
            try await stage.rows(of: crowd.policy).count == 1
          }
        }
        await crowd.ask(people(39), of: stage)
        #expect(await doomed.child.exit() == .signal(SIGKILL))
        try stage.startWorker()
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 20, people: 40)
        await stage.end()
      }
    }

    @Test(.timeLimit(.minutes(2)), arguments: ["api-after-gate:3", "api-after-publish:3"])
    func anAPIKilledBetweenGateAndAnswer(point: String) async throws {
      try await onLoop {
        let stage = try await Stage(deadline: 300)
        try stage.startWorker()
        let doomed = try await stage.startAPI(["CRASH_AT": point])
        let crowd = Crowd(policy: try await stage.newPolicy(quota: 20))
        let surge = EventLoop.shared.spawn { await crowd.ask(people(40), of: stage) }
        #expect(await doomed.process.child.exit() == .signal(SIGKILL))
        try await stage.startAPI()
        await surge.value
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 20, people: 40)
        await stage.killAPI(0)
        await stage.end()
      }
    }

    @Test func aCrashPointThatIsNoneEndsTheStart() async throws {
      try await onLoop {
        let stage = try await Stage()
        for (settings, words) in [
          (["CRASH_AT": "anywhere"], "CRASH_AT must be one of"),
          (["CRASH_AT": "api-after-gate:0"], "CRASH_AT must"),
          (
            ["CRASH_AT": "api-after-gate", "ADMIN_PORT": "", "ADMIN_TOKEN": ""],
            "CRASH_AT needs the admin listener"
          ),
        ] {
          let process = try stage.process("api", settings)
          #expect(await process.child.exit() == .code(2))
          #expect(process.log.contains(words), "\(process.log)")
        }
        await stage.end()
      }
    }

    /// A stage whose API forwards to its worker.
    private func play(
      deadline: Int = 2_000,
      _ body: @escaping @Sendable @LoopActor (Stage, Stage.API) async throws -> Void
    ) async throws {
      try await onLoop {
        let stage = try await Stage(deadline: deadline)
        try stage.startWorker()
        try await stage.workerIsPeer()
        let api = try await stage.startAPI()
        try await body(stage, api)
        await stage.end()
      }
    }
  }
}

private func bites(_ answer: [String: Any]?) -> Int {
  (answer?["fault"] as? [String: Any])?["bites"] as? Int ?? 0
}

/// In the answer of the program that the call was forwarded to.
private func bites(ofPeer answer: [String: Any]) -> Int {
  bites((answer["peers"] as? [[String: Any]])?.first?["answer"] as? [String: Any])
}

@LoopActor
private func stays(_ api: Stage.API) async throws -> Int {
  try await api.client.send(HTTPRequest(.get, "/v1/stays"), deadline: .now + .seconds(10)).status
}

@LoopActor
private func ask(_ person: String, _ policy: Int, _ api: Stage.API) async throws -> Int {
  let request = HTTPRequest(.post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", person)])
  return try await api.client.send(request, deadline: .now + .seconds(10)).status
}

/// The worker's figures, once they tell of something.
@LoopActor
private func metrics(of stage: Stage, containing words: String) async throws -> String {
  guard let worker = stage.worker else { throw StageFailure("no worker") }
  let address = SocketAddress(numericHost: "127.0.0.1", port: try await worker.ports().port)
  let client = HTTPClient(HTTPClientConfiguration(address: address))
  defer { client.close() }
  return try await worker.patiently(words) {
    let answer = try await client.send(HTTPRequest(.get, "/metrics"), deadline: .now + .seconds(10))
    let text = String(decoding: answer.body, as: UTF8.self)
    return text.contains(words) ? text : nil
  }
}
