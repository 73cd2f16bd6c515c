import TestSupport
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import Foundation
import HTTP
import Operations
import Secrets
import Testing
import Text

/// Reasons that a test changes.
@LoopActor
final class Reasons {
  var reasons: [String] = []
}

/// The API over the service in memory, called without a socket.
@LoopActor
final class Fixture {
  nonisolated static let token = "0123456789abcdef-token"

  let coupons: MemoryCouponService
  let bystander = MemoryBystander([Stay(id: 1, name: "Hanok", city: "Seoul", roomsLeft: 1)])
  /// Why the rest of the platform cannot be answered.
  let platform = Reasons()
  let metrics = Metrics()
  let api: PublicAPI
  let admin: AdminAPI

  init() throws {
    coupons = MemoryCouponService(key: try #require(CouponKey("a secret of the tests")))
    let platform = platform
    let services = APIServices(
      coupons: coupons, bystander: bystander, platform: { ServiceReadiness(reasons: platform.reasons) })
    let troubles = Troubles(metrics, Log(program: "api", level: .error, output: LogOutput()))
    api = PublicAPI(
      services: services, metrics: metrics, troubles: troubles, clock: SystemClock(),
      requestDeadline: .seconds(2))
    admin = AdminAPI(
      services: services, token: SecretToken(Fixture.token), metrics: metrics, troubles: troubles,
      requestDeadline: .seconds(2))
  }

  /// A policy whose day opens at midnight UTC, from `first` to `last` counted from today.
  func createPolicy(
    id: Int = 1, quota: Int = 1, from first: Int = -1, to last: Int = 1, name: String = "Autumn"
  ) async throws {
    let today = Day(
      number: Int32(SystemClock().now().microseconds.flooredDivision(by: 86_400_000_000).quotient))
    let policyID = try #require(PolicyID(id))
    let policy = try Policy(
      id: policyID, name: name, startsOn: today.advanced(by: first), endsOn: today.advanced(by: last),
      opensAt: try #require(TimeOfDay(seconds: 0)), timeZone: "UTC", dailyQuota: quota, perPerson: .once)
    guard
      case .policy(_, created: true) = await coupons.create(
        PolicyDraft(id: policyID, template: policy), deadline: .now + .seconds(1))
    else { throw Unexpected() }
  }

  func call(
    _ method: HTTPMethod, _ target: String, _ headers: [(String, String)] = [], _ body: String = ""
  ) async -> HTTPResponse {
    await api.answer(to: HTTPRequest(method, target, headers: headers, body: Array(body.utf8)))
  }

  func ask(_ user: String, policy: String = "1") async -> HTTPResponse {
    await call(.post, "/v1/policies/\(policy)/coupons", [("X-User-Id", user)])
  }

  func callAdmin(
    _ method: HTTPMethod, _ target: String, body: String = "", token: String? = Fixture.token
  ) async -> HTTPResponse {
    let headers = token.map { [("Authorization", "Bearer \($0)")] } ?? []
    return await admin.handle(HTTPRequest(method, target, headers: headers, body: Array(body.utf8))).value()
  }
}

struct Unexpected: Error {}

extension PublicAPI {
  /// The answer, awaited.
  func answer(to request: HTTPRequest) async -> HTTPResponse {
    let told = Completion<HTTPResponse>()
    if let reply = handle(request, for: HTTPCaller { told.succeed($0) }) { return await reply.value() }
    do { return try await told.value() } catch { preconditionFailure("an answer is no error") }
  }
}

/// A service without policies: what a double does not say of itself.
@LoopActor
protocol EmptyService: CouponService {}

extension EmptyService {
  func status(of policy: PolicyID, at time: Timestamp, deadline: Instant) -> Reply<PolicyAnswer> {
    .now(.noSuchPolicy)
  }
  func latestCoupon(of user: UserID, in policy: PolicyID, deadline: Instant) -> Reply<CouponAnswer> {
    .now(.noSuchPolicy)
  }
  func create(_ draft: PolicyDraft, deadline: Instant) async -> CreateAnswer {
    .trouble(.unavailable(reason: "no"))
  }
  func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer {
    .noSuchPolicy
  }
  func readiness() -> ServiceReadiness { ServiceReadiness(reasons: []) }
}

extension HTTPResponse {
  var text: String { String(decoding: body, as: UTF8.self) }

  /// The members of the object; none where the body is no object.
  var json: [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
  }

  func header(_ name: String) -> String? { headers.first { $0.0 == name }?.1 }
}

func withFixture(_ body: @escaping @Sendable @LoopActor (Fixture) async throws -> Void) async throws {
  try await onLoop { try await body(Fixture()) }
}
