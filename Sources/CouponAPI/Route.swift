import CouponDomain
import HTTP
import Faults
import Foundation

/// The resource that a path names. Metrics are labelled with the template, never with the path itself.
enum RouteName: Int, CaseIterable {
  case coupons, policy, myCoupon, stays, stay, bookings, health, readiness, metrics, contract, problem
  case adminPolicies, adminEvents, adminFault, adminFaults
  case none

  var template: String {
    switch self {
    case .coupons: "/v1/policies/{policyId}/coupons"
    case .policy: "/v1/policies/{policyId}"
    case .myCoupon: "/v1/policies/{policyId}/coupons/me"
    case .stays: "/v1/stays"
    case .stay: "/v1/stays/{stayId}"
    case .bookings: "/v1/stays/{stayId}/bookings"
    case .health: "/healthz"
    case .readiness: "/readyz"
    case .metrics: "/metrics"
    case .contract: "/openapi.yaml"
    case .problem: "/problems/{code}"
    case .adminPolicies: "/admin/policies"
    case .adminEvents: "/admin/policies/{policyId}/events"
    case .adminFault: "/admin/faults/{target}"
    case .adminFaults: "/admin/faults"
    case .none: "none"
    }
  }

  /// The only method of most routes; the server handles a HEAD as a GET and omits the body.
  var method: HTTPMethod {
    switch self {
    case .coupons, .bookings, .adminPolicies: .post
    default: .get
    }
  }

  func allows(_ method: HTTPMethod) -> Bool {
    switch self {
    case .adminFault: [.get, .put, .delete].contains(method)
    case .adminFaults: [.get, .delete].contains(method)
    default: method == self.method
    }
  }

  /// The `Allow` header of a 405.
  var allowedMethods: String {
    switch self {
    case .adminFault: "GET, HEAD, PUT, DELETE"
    case .adminFaults: "GET, HEAD, DELETE"
    default: method == .get ? "GET, HEAD" : method.name
    }
  }
}

/// A route with the id in its path.
struct Route: Equatable {
  let name: RouteName
  let id: PathID
  /// Of a fault's route; nil if the path names no server.
  let target: FaultTarget?
  /// Of a problem's page; otherwise nil.
  let code: String?

  init(_ name: RouteName, id: PathID = .absent, target: FaultTarget? = nil, code: String? = nil) {
    (self.name, self.id, self.target, self.code) = (name, id, target, code)
  }

  static let none = Route(.none)

  /// The public listener's routes.
  static func find(_ request: HTTPRequest) -> Route {
    var route = Route.none
    request.withPath { path in path.withUnsafeBufferPointer { route = find(PathScan($0)) } }
    return route
  }

  private static func find(_ path: PathScan) -> Route {
    var scan = path
    if scan.skip("/v1/policies/") {
      guard let id = scan.id() else { return .none }
      if scan.isAtEnd { return Route(.policy, id: id) }
      guard scan.skip("/coupons") else { return .none }
      if scan.isAtEnd { return Route(.coupons, id: id) }
      return scan.ends("/me") ? Route(.myCoupon, id: id) : .none
    }
    if scan.skip("/v1/stays") {
      if scan.isAtEnd { return Route(.stays) }
      guard scan.skip("/"), let id = scan.id() else { return .none }
      if scan.isAtEnd { return Route(.stay, id: id) }
      return scan.ends("/bookings") ? Route(.bookings, id: id) : .none
    }
    return page(&scan) ?? constant(scan)
  }

  /// Both listeners have the pages: a client looks a `type` up on the listener that sent the problem.
  private static func page(_ scan: inout PathScan) -> Route? {
    guard scan.skip("/problems/") else { return nil }
    return scan.isLastSegment ? Route(.problem, code: scan.rest) : .none
  }

  private static func constant(_ scan: PathScan) -> Route {
    if scan.ends("/healthz") { return Route(.health) }
    if scan.ends("/readyz") { return Route(.readiness) }
    if scan.ends("/metrics") { return Route(.metrics) }
    return scan.ends("/openapi.yaml") ? Route(.contract) : .none
  }

  /// The operator's listener's routes.
  static func findAdmin(_ request: HTTPRequest) -> Route {
    var route = Route.none
    request.withPath { path in path.withUnsafeBufferPointer { route = findAdmin(PathScan($0)) } }
    return route
  }

  private static func findAdmin(_ path: PathScan) -> Route {
    var scan = path
    if let page = page(&scan) { return page }
    if scan.skip("/admin/faults") {
      if scan.isAtEnd { return Route(.adminFaults) }
      guard scan.skip("/"), scan.isLastSegment else { return .none }
      return Route(.adminFault, target: FaultTarget.allCases.first { scan.rest == $0.rawValue })
    }
    guard scan.skip("/admin/policies") else { return .none }
    if scan.isAtEnd { return Route(.adminPolicies) }
    guard scan.skip("/"), let id = scan.id(), scan.ends("/events") else { return .none }
    return Route(.adminEvents, id: id)
  }
}

/// The id in a path: decimal digits without a sign or a leading zero.
enum PathID: Equatable {
  case number(Int64)
  case malformed
  case absent
}

/// Parses a path from left to right. Nothing is unescaped: `%` is never part of a route.
private struct PathScan {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  var rest: String { String(decoding: bytes[position...], as: UTF8.self) }

  /// Whether the rest is one non-empty segment.
  var isLastSegment: Bool { !isAtEnd && !bytes[position...].contains(UInt8(ascii: "/")) }

  mutating func skip(_ literal: StaticString) -> Bool {
    guard matches(literal) else { return false }
    position += literal.utf8CodeUnitCount
    return true
  }

  func ends(_ literal: StaticString) -> Bool {
    bytes.count - position == literal.utf8CodeUnitCount && matches(literal)
  }

  private func matches(_ literal: StaticString) -> Bool {
    let count = literal.utf8CodeUnitCount
    guard bytes.count - position >= count else { return false }
    guard let start = bytes.baseAddress else { return count == 0 }
    return memcmp(start + position, literal.utf8Start, count) == 0
  }

  /// The segment up to the next slash; nil if it is empty, which no route allows.
  mutating func id() -> PathID? {
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: "/") { position += 1 }
    guard position > start else { return nil }
    guard let number = PathID.number(bytes[start..<position]) else { return .malformed }
    return .number(number)
  }
}

/// Why the id in a path names no policy.
enum PathProblem: Error {
  case malformed, tooLarge

  var response: HTTPResponse {
    switch self {
    case .malformed: Problem.malformedID
    case .tooLarge: Problem.policyIDTooLarge
    }
  }
}

extension PathID {
  var policyID: Result<PolicyID, PathProblem> {
    guard case .number(let number) = self else { return .failure(.malformed) }
    guard let id = PolicyID(number) else { return .failure(.tooLarge) }
    return .success(id)
  }

  /// Nil for anything but 1…2⁶³−1 in plain decimal digits.
  static func number(_ digits: some Collection<UInt8>) -> Int64? {
    guard let first = digits.first, first != UInt8(ascii: "0") else { return nil }
    var number: Int64 = 0
    for digit in digits {
      guard digit >= 48, digit <= 57 else { return nil }
      let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int64(digit - 48))
      if overflow || carry { return nil }
      number = sum
    }
    return number
  }
}
