import CouponAPI
import CouponAdmission
import CouponDomain
import CouponMonolith
import CouponWorker
import Faults
import Operations
import Postgres
import Redis
import TestSupport

extension FuzzTarget {
  /// The bodies of the operator's calls: a policy, a fault.
  static let operatorBodies = FuzzTarget(
    "operator-bodies",
    tokens: [
      "\"policyId\"", "\"name\"", "\"kind\"", "\"ttlSeconds\":1", "\"rate\":0.5", "\"latencyMs\":1",
      "\"outage\"",
      "\"flaky\"", "\"seed\":9007199254740993", "1e308", "-0", "0.1", "1E400", "null", "true", "\\u0000",
      "\\ud800", "\"dailyQuota\":1", "\"once\"",
    ], maximumLength: 2_048
  ) { input, _ in
    let policy = try? PolicyDraft(json: input)
    let fault = FaultTarget.allCases.contains { (try? FaultSpec(json: input, for: $0)) != nil }
    return policy != nil || fault
  }

  /// The programs' environment, a line a variable. What is wrong is said in one line, without the secret.
  static let settings = FuzzTarget(
    "settings",
    tokens: [
      "DATABASE_URL=", "REDIS_URL=", "KAFKA_BROKERS=", "COUPON_KEY=", "ADMIN_PORT=1\n", "ADMIN_TOKEN=",
      "COUPON_STRATEGY=", "KAFKA_SECURITY_PROTOCOL=", "KAFKA_SASL_USERNAME=", "KAFKA_SASL_PASSWORD=",
      "KAFKA_CA=",
      "sasl_ssl", "postgres://", "redis://", "rediss://", "@", "user:\(secret)@", "[::1]:1", "%zz",
      "%2F",
      "?db=3", "localhost", "off", "on",
    ], maximumLength: 2_048
  ) { input, _ in
    var environment: [String: String] = [:]
    var mayHoldSecret = true
    for line in String(decoding: input, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2 else { continue }
      environment[parts[0]] = parts[1]
      if parts[1].contains(secret), !isSecret(parts[0]) { mayHoldSecret = false }
    }
    var isTaken = false
    for program in [monolith, api, worker] {
      do {
        try program(environment)
        isTaken = true
      } catch {
        let text = "\(error)"
        if text.contains("\n") { throw BrokenProperty("more than one line: \(text)") }
        if mayHoldSecret, text.contains(secret) { throw BrokenProperty("a secret is said: \(text)") }
      }
    }
    return isTaken
  }

  /// What must not be said.
  private static let secret = "S3cr3tM4rk"

  private static func isSecret(_ key: String) -> Bool {
    ["DATABASE_URL", "REDIS_URL", "COUPON_KEY", "ADMIN_TOKEN", "KAFKA_SASL_PASSWORD"].contains(key)
  }

  /// Untyped: an array of closures with a typed error was compiled to a trap (Swift 6.3.1, -O).
  private typealias Program = @Sendable ([String: String]) throws -> Void

  private static let monolith: Program = { environment in
    _ = try MonolithSettings.read(environment: environment, arguments: [])
  }
  private static let api: Program = { environment in
    _ = try APISettings.read(environment: environment, arguments: [])
  }
  private static let worker: Program = { environment in
    _ = try WorkerSettings.read(environment: environment, arguments: [])
  }
}
