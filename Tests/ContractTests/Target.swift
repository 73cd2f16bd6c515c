import CouponDomain
import EventLoop
import Foundation
import HTTP
import Kafka
import PrivateServers
import Testing
import Text

/// What the one suite runs against.
enum TargetKind: String, CaseIterable, CustomTestStringConvertible {
  case memory
  case monolith
  case monolithCached = "monolith, for-update-cached"
  case monolithBatched = "monolith, for-update-batched"
  /// With the embedded broker.
  case eda
  /// With the Kafka that TEST_KAFKA_BROKERS names.
  case edaOnKafka = "eda on a real Kafka"

  var testDescription: String { rawValue }

  static var kafkaBrokers: String? {
    ProcessInfo.processInfo.environment["TEST_KAFKA_BROKERS"].flatMap { $0.isEmpty ? nil : $0 }
  }

  static var all: [TargetKind] {
    [.memory, .monolith, .monolithCached, .monolithBatched, .eda]
      + (kafkaBrokers == nil ? [] : [.edaOnKafka])
  }
  /// Those that keep their coupons in a database.
  static var durable: [TargetKind] { all.filter { $0 != .memory } }
}

/// A running server of one kind, at its addresses; started once in a test process.
@LoopActor
final class Target {
  nonisolated static let token = "the-contract-suite-calls"
  nonisolated static let couponKey = "the-contract-suite-derives"

  let kind: TargetKind
  let address: SocketAddress
  let admin: SocketAddress
  let ledger: Ledger?
  let client: HTTPClient
  private let adminClient: HTTPClient

  init(kind: TargetKind, port: Int, adminPort: Int, ledger: Ledger? = nil) {
    self.kind = kind
    self.ledger = ledger
    address = SocketAddress(numericHost: "127.0.0.1", port: port)
    admin = SocketAddress(numericHost: "127.0.0.1", port: adminPort)
    client = HTTPClient(HTTPClientConfiguration(address: address, maxConnections: 64, maxWaiting: 100_000))
    adminClient = HTTPClient(HTTPClientConfiguration(address: admin, maxConnections: 8))
  }

  // MARK: - Started once

  private static var started: [TargetKind: Result<Target, any Error>] = [:]
  private static var waiting: [TargetKind: [Completion<Target>]] = [:]

  static func of(_ kind: TargetKind) async throws -> Target {
    if let result = started[kind] { return try result.get() }
    let waiter = Completion<Target>()
    let isFirst = waiting[kind] == nil
    waiting[kind, default: []].append(waiter)
    if isFirst { EventLoop.shared.spawn { await begin(kind) } }
    return try await waiter.value()
  }

  private static func begin(_ kind: TargetKind) async {
    let result: Result<Target, any Error>
    do { result = .success(try await TargetStart.start(kind)) } catch { result = .failure(error) }
    started[kind] = result
    for waiter in waiting.removeValue(forKey: kind) ?? [] {
      switch result {
      case .success(let target): waiter.succeed(target)
      case .failure(let error): waiter.fail(error)
      }
    }
  }

  // MARK: - Calls

  func call(
    _ method: HTTPMethod, _ target: String, _ headers: [(String, String)] = [], _ body: String = ""
  ) async throws -> HTTPClientResponse {
    let request = HTTPRequest(method, target, headers: headers, body: Array(body.utf8))
    return try await client.send(request, deadline: .now + .seconds(20))
  }

  func get(_ path: String, user: String? = nil) async throws -> HTTPClientResponse {
    try await call(.get, path, user.map { [("X-User-Id", $0)] } ?? [])
  }

  /// Asks for a coupon; asks again while the answer is 503, as its clients must.
  func ask(_ user: String, _ policy: Int) async throws -> HTTPClientResponse {
    for _ in 0..<30 {
      let response = try await call(.post, "/v1/policies/\(policy)/coupons", [("X-User-Id", user)])
      if response.status != 503 { return response }
      await EventLoop.shared.sleep(for: .milliseconds(200))
    }
    throw ContractFailure("503 for too long")
  }

  func callAdmin(
    _ method: HTTPMethod, _ target: String, body: String = "", token: String? = Target.token
  ) async throws -> HTTPClientResponse {
    let headers = token.map { [("Authorization", "Bearer \($0)")] } ?? []
    let request = HTTPRequest(method, target, headers: headers, body: Array(body.utf8))
    return try await adminClient.send(request, deadline: .now + .seconds(20))
  }

  /// A new policy under an id that the server chooses; by default it is open now and for hours.
  func newPolicy(
    quota: Int, first: Int = -1, last: Int = 1, perPerson: String = "once", opensAt: String = "00:00"
  ) async throws -> Int {
    let body = Middays.policy(quota: quota, first: first, last: last, perPerson: perPerson, opensAt: opensAt)
    let response = try await callAdmin(.post, "/admin/policies", body: body)
    guard response.status == 201, let id = response.json["policyId"] as? Int else {
      throw ContractFailure("no policy: \(response.status) \(response.text)")
    }
    return id
  }
}

struct ContractFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Runs a check against a target on the loop.
func against(
  _ kind: TargetKind, _ check: @escaping @Sendable @LoopActor (Target) async throws -> Void
) async throws {
  try await onLoop { try await check(Target.of(kind)) }
}

/// Policies in a time zone where it is about noon, so that no test meets a midnight.
enum Middays {
  static var timeZone: String {
    let hour = Int(Date().timeIntervalSince1970) / 3600 % 24
    let offset = 12 - hour
    // Signs in the names of these zones are turned round.
    return offset == 0 ? "Etc/GMT" : offset > 0 ? "Etc/GMT-\(offset)" : "Etc/GMT+\(-offset)"
  }

  static var today: Day {
    let seconds = Int(Date().timeIntervalSince1970)
    let offset = 12 - seconds / 3600 % 24
    return Day(number: Int32((seconds + offset * 3600) / 86_400))
  }

  static func policy(
    id: Int? = nil, name: String = "Contract", quota: Int, first: Int = -1, last: Int = 1,
    perPerson: String = "once", opensAt: String = "00:00"
  ) -> String {
    let idField = id.map { "\"policyId\":\($0)," } ?? ""
    let days = "\"startsOn\":\"\(today.advanced(by: first))\",\"endsOn\":\"\(today.advanced(by: last))\""
    return "{\(idField)\"name\":\"\(name)\",\(days),\"opensAt\":\"\(opensAt)\",\"timeZone\":\"\(timeZone)\","
      + "\"dailyQuota\":\(quota),\"perPerson\":\"\(perPerson)\"}"
  }
}

extension HTTPClientResponse {
  var text: String { String(decoding: body, as: UTF8.self) }

  /// The members of the object; none where the body is no object.
  var json: [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
  }

  var code: String? { json["code"] as? String }
}

/// Whether a whole text has a form.
func matches(_ text: String, _ pattern: String) throws -> Bool {
  try Regex(pattern).wholeMatch(in: text) != nil
}
