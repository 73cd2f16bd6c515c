import EventLoop
import HTTP
import PrivateServers
import Redis
import TestSupport
import Testing

extension EDATests {
  /// A Redis that answers, and refuses: readiness and the log say so, and it is over when Redis no longer does.
  @Suite(.limited) struct RedisRefusals {
    /// The server was demoted under a living connection, and nobody asks for a coupon meanwhile.
    @Test(.timeLimit(.minutes(2))) func aDemotedServerMakesTheAPIUnready() async throws {
      try await play { stage, redis, operate in
        let api = try await stage.startAPI()
        let crowd = Crowd(policy: try await stage.newPolicy(quota: 3))
        await crowd.ask(["before"], of: stage)
        _ = try await operate(["REPLICAOF", "127.0.0.1", "\(try Sockets.freePort())"])
        let ready = try await readiness(api) { $0.status == 503 }
        #expect(ready.contains("read-only replica"), "\(ready)")
        try await api.says("READONLY")
        _ = try await operate(["REPLICAOF", "NO", "ONE"])
        _ = try await readiness(api) { $0.status == 200 }
        try await api.says("Redis can be used again")
        await crowd.ask(["after"], of: stage)
        #expect(crowd.winners.keys.sorted() == ["after", "before"])
      }
    }

    /// A server that answers no more is noticed without a request that waits for it.
    @Test(.timeLimit(.minutes(2))) func aSilentServerMakesTheAPIUnready() async throws {
      try await play { stage, redis, _ in
        let api = try await stage.startAPI()
        redis.pause()
        let ready = try await readiness(api) { $0.status == 503 }
        #expect(ready.contains("does not answer"), "\(ready)")
        try await api.says("no answer before the deadline")
        redis.resume()
        _ = try await readiness(api) { $0.status == 200 }
      }
    }

    /// What the program cannot do without.
    @Test(.timeLimit(.minutes(2)), arguments: ["exec", "multi", "sadd", "scard", "srem"])
    func aRoleWithoutARightThatIsNeededIsNotReady(right: String) async throws {
      try await play { stage, redis, operate in
        let role = try await limited("-\(right)", redis, operate)
        let api = try await stage.startAPI(isReady: false, ["REDIS_URL": role])
        try await api.says("NOPERM")
        let ready = try await readiness(api) { $0.text.contains("lacks a right") }
        #expect(ready.contains("false"))
        #expect(!api.process.log.contains("secret"))
        // Granted while the program runs.
        _ = try await operate(["ACL", "SETUSER", "limited", "+\(right)"])
        _ = try await readiness(api) { $0.status == 200 }
      }
    }

    /// What a role needs, and nothing else; `HELLO` and `AUTH` need no right.
    @Test(.timeLimit(.minutes(2))) func aRoleWithTheFewestRightsServes() async throws {
      try await play(deadline: 500) { stage, redis, operate in
        let rights = ["multi", "exec", "scard", "sadd", "srem", "sscan", "expireat"].map { "+\($0)" }
        _ = try await operate(
          ["ACL", "SETUSER", "least", "on", ">secret", "~\(stage.topic)timeattack:*", "-@all"] + rights)
        let api = try await stage.startAPI(["REDIS_URL": "redis://least:secret@127.0.0.1:\(redis.port)"])
        let crowd = Crowd(policy: try await stage.newPolicy(quota: 2))
        let key = try await stage.setOfToday(crowd.policy)
        _ = try await operate(["SADD", key, "g1", "g2"])
        await crowd.ask(people(4), of: stage)
        #expect(crowd.winners.count == 2 && crowd.refused.count == 2)
        #expect(!api.process.log.contains("NOPERM"), "\(api.process.log)")
      }
    }

    /// A right that is taken away from a living connection.
    @Test(.timeLimit(.minutes(2))) func aRightThatIsTakenAwayIsSaid() async throws {
      try await play { stage, redis, operate in
        let api = try await stage.startAPI(["REDIS_URL": try await limited("+@all", redis, operate)])
        _ = try await operate(["ACL", "SETUSER", "limited", "-sadd"])
        let ready = try await readiness(api) { $0.status == 503 }
        #expect(ready.contains("lacks a right"), "\(ready)")
        try await api.says("NOPERM")
      }
    }

    /// Keys without an end are said, and nothing else suffers.
    @Test(.timeLimit(.minutes(2))) func aRoleWithoutExpiryIsSaid() async throws {
      try await play { stage, redis, operate in
        let role = try await limited("-expireat", redis, operate)
        let api = try await stage.startAPI(["REDIS_URL": role])
        let crowd = Crowd(policy: try await stage.newPolicy(quota: 1))
        // Nobody came further than the gate: their slots are taken back all the same.
        let key = try await stage.setOfToday(crowd.policy)
        _ = try await operate(["SADD", key, "ghost"])
        await crowd.ask(["someone"], of: stage)
        #expect(crowd.winners.count == 1)
        try await api.says("have no expiry", "NOPERM")
      }
    }

    @Test(.timeLimit(.minutes(2)), arguments: ["redis://:wrong@", "redis://", "/999"])
    func aLoginThatIsRefusedIsSaid(change: String) async throws {
      try await play { stage, redis, _ in
        let url =
          change.hasPrefix("/")
          ? String(redis.url.dropLast(2)) + change : "\(change)127.0.0.1:\(redis.port)"
        let api = try await stage.startAPI(isReady: false, ["REDIS_URL": url])
        let words = ["/999": "DB index is out of range", "redis://": "NOAUTH"][change] ?? "WRONGPASS"
        try await api.says(words)
        _ = try await readiness(api) { $0.text.contains("refuses the login") }
      }
    }

    @Test(.timeLimit(.minutes(2))) func aClusterThatServesNothingIsSaidInOneLine() async throws {
      try await play { stage, _, _ in
        let node = try await TestServers.ownRedis(extra: ["cluster-enabled yes"])
        let api = try await stage.startAPI(isReady: false, ["REDIS_URL": node.url])
        _ = try await readiness(api) { $0.text.contains("part of the admission gate's cluster") }
        let lines = api.process.log.split(separator: "\n").filter { $0.contains("cluster") }
        #expect(lines.count == 1, "\(lines)")
        await node.kill()
      }
    }

    @Test(.timeLimit(.minutes(2)), arguments: ["?db=3", ",127.0.0.1:7000/1"])
    func anAddressThatIsNotUnderstoodEndsTheStart(rest: String) async throws {
      try await play { stage, redis, _ in
        let process = try stage.process("api", ["REDIS_URL": "redis://127.0.0.1:\(redis.port)\(rest)"])
        #expect(await process.child.exit() == .code(2))
        #expect(process.log.contains("REDIS_URL"), "\(process.log)")
      }
    }

    /// Nothing is said to a server that does not prove who it is.
    @Test(.timeLimit(.minutes(2)), .enabled(if: TestCertificates.canBeMade, "no openssl is installed"))
    func aServerThatProvesNothingIsNotUsed() async throws {
      try await play { stage, _, _ in
        let certificates = try await TestCertificates.make()
        let port = try Sockets.freePort()
        let redis = try await TestServers.ownRedis(extra: [
          "tls-port \(port)", "tls-auth-clients no", "tls-cert-file \(certificates.certificate)",
          "tls-key-file \(certificates.key)", "tls-ca-cert-file \(certificates.authority)",
        ])
        let url = redis.url.replacing("redis://", with: "rediss://")
          .replacing(":\(redis.port)", with: ":\(port)")
        let other = try await stage.startAPI(
          isReady: false, ["REDIS_URL": url, "REDIS_CA": certificates.otherAuthority])
        try await other.says("certificate is not accepted")
        _ = try await readiness(other) { $0.text.contains("gate does not answer") }
        await stage.killAPI(0)
        try await stage.startAPI(["REDIS_URL": url, "REDIS_CA": certificates.authority])
        let crowd = Crowd(policy: try await stage.newPolicy(quota: 2))
        await crowd.ask(people(4), of: stage)
        #expect(crowd.winners.count == 2 && crowd.refused.count == 2)
        await redis.kill()
      }
    }

    /// Under `maxmemory` slots are still taken back, and what cannot be put back is said.
    @Test(.timeLimit(.minutes(3))) func withoutMemorySlotsAreTakenBackAndTheRestIsSaid() async throws {
      try await play(deadline: 300) { stage, redis, operate in
        let api = try await stage.startAPI()
        let crowd = Crowd(policy: try await stage.newPolicy(quota: 3))
        await crowd.ask(["first"], of: stage)
        let key = try await stage.setOfToday(crowd.policy)
        _ = try await operate(["SADD", key, "g1", "g2"])
        _ = try await operate(["CONFIG", "SET", "maxmemory", "1"])
        let ready = try await readiness(api) { $0.status == 503 }
        #expect(ready.contains("memory"), "\(ready)")
        try await api.says("OOM")
        try await eventually("the ghosts are gone") { try await operate(["SCARD", key]) == .integer(1) }
        _ = try await operate(["DEL", key])
        try await api.says("winners cannot be put back")
        _ = try await operate(["CONFIG", "SET", "maxmemory", "0"])
        _ = try await readiness(api) { $0.status == 200 }
        try await eventually("the winner is back") { try await operate(["SCARD", key]) == .integer(1) }
      }
    }

    /// One day's key is something else: the others go on, and the log names the key.
    @Test(.timeLimit(.minutes(2))) func aKeyThatIsNoSetIsSaid() async throws {
      try await play(deadline: 500) { stage, redis, operate in
        let api = try await stage.startAPI()
        let crowd = Crowd(policy: try await stage.newPolicy(quota: 1))
        let key = try await stage.setOfToday(try await stage.newPolicy(quota: 1))
        _ = try await operate(["SET", key, "text"])
        try await api.says("cannot be compared with the list", key)
        await crowd.ask(["someone"], of: stage)
        #expect(crowd.winners.count == 1)
        _ = try await readiness(api) { $0.status == 200 }
      }
    }

    /// A right that one strategy alone needs.
    @Test(.timeLimit(.minutes(2))) func aStrategyThatRedisRefusesIsSaid() async throws {
      try await play { stage, redis, operate in
        let role = try await limited("-evalsha", redis, operate)
        let api = try await stage.startAPI(["REDIS_URL": role, "COUPON_STRATEGY": "redis-lua"])
        let policy = try await stage.newPolicy(quota: 1)
        let request = HTTPRequest(
          .post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", "someone")])
        #expect(try await api.client.send(request, deadline: .now + .seconds(10)).status == 503)
        try await api.says("Redis refuses to give slots", "evalsha")
      }
    }

    /// A slot that was taken just before the memory ran out is given back. The fault switch leaves the test a second
    /// between the two.
    @Test(.timeLimit(.minutes(2))) func withoutMemoryARollbackIsServed() async throws {
      // A long deadline keeps the reconciliation away, which would take the slot back as well.
      try await play(deadline: 30_000) { stage, redis, operate in
        let api = try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 1)
        let key = try await stage.setOfToday(policy)
        _ = try await operate(["SADD", key, "ghost"])
        _ = try await stage.callFaults(.put, "redis", #"{"kind":"latency","latencyMs":1000,"ttlSeconds":60}"#)
        let request = HTTPRequest(
          .post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", "late")])
        let answer = EventLoop.shared.spawn {
          _ = try? await api.client.send(request, deadline: .now + .seconds(3))
        }
        try await eventually("the person is in the set") {
          try await operate(["SISMEMBER", key, "late"]) == .integer(1)
        }
        _ = try await operate(["CONFIG", "SET", "maxmemory", "1"])
        try await eventually("the slot is given back", within: .seconds(20)) {
          try await operate(["SISMEMBER", key, "late"]) == .integer(0)
        }
        await answer.value
        await stage.killAPI(0)
      }
    }

    /// A stage with a Redis of its own and an operator's connection to it.
    private func play(
      deadline: Int = 2_000,
      _ body: @escaping @Sendable @LoopActor (Stage, PrivateRedis, @escaping Operate) async throws -> Void
    ) async throws {
      try await onLoop {
        let redis = try await TestServers.ownRedis()
        let stage = try await Stage(redis: redis, deadline: deadline)
        let client = RedisClient(configuration: try RedisConfiguration(url: redis.url), name: "operator")
        client.start()
        try await client.connected(deadline: .now + .seconds(10))
        try await body(stage, redis) { try await client.command($0, deadline: .now + .seconds(10)) }
        client.close()
        await stage.end()
        await redis.stop()
      }
    }
  }
}

private typealias Operate = @LoopActor ([String]) async throws -> RedisReply

/// The URL of a role that may do everything but this.
@LoopActor
private func limited(_ rights: String, _ redis: PrivateRedis, _ operate: Operate) async throws -> String {
  _ = try await operate(["ACL", "SETUSER", "limited", "on", ">secret", "~*", "+@all", rights])
  return "redis://limited:secret@127.0.0.1:\(redis.port)"
}

private struct Ready {
  let status: Int
  let text: String
}

/// What `/readyz` says of coupons, as soon as it is this.
@LoopActor
private func readiness(_ api: Stage.API, _ isRight: (Ready) -> Bool) async throws -> String {
  try await api.process.patiently("/readyz") {
    let answer = try await api.client.send(
      HTTPRequest(.get, "/readyz?for=coupons"), deadline: .now + .seconds(10))
    let ready = Ready(status: answer.status, text: String(decoding: answer.body, as: UTF8.self))
    return isRight(ready) ? ready.text : nil
  }
}

extension Stage.API {
  /// Waits until the log has all of these words.
  @LoopActor
  fileprivate func says(_ words: String...) async throws {
    _ = try await process.patiently("the log says \(words)") {
      words.allSatisfy { process.log.contains($0) } ? () : nil
    }
  }
}

extension Stage {
  /// Redis' set of the business day that it is now under this policy.
  fileprivate func setOfToday(_ policy: Int) async throws -> String {
    "\(topic)timeattack:{\(policy)}:\(try await day(of: policy)):issued:users"
  }
}
