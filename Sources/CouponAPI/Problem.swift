import CouponDomain
import HTTP
import Faults
import JSON
import Operations
import Text

/// Why a request fails (RFC 9457). The meaning of a `code` never changes: programs depend on it.
package enum ProblemCode: String, CaseIterable {
  case badRequest = "bad-request"
  case invalidID = "invalid-id"
  case invalidUserID = "invalid-user-id"
  case invalidPolicy = "invalid-policy"
  case invalidFault = "invalid-fault"
  case unauthorized = "unauthorized"
  case wrongHost = "wrong-host"
  case notOpen = "not-open"
  case notFound = "not-found"
  case noSuchPolicy = "no-such-policy"
  case noCoupon = "no-coupon"
  case noSuchStay = "no-such-stay"
  case notUsed = "not-used"
  case methodNotAllowed = "method-not-allowed"
  case soldOut = "sold-out"
  case noRoomsLeft = "no-rooms-left"
  case policyExists = "policy-exists"
  case noPolicyIDLeft = "no-policy-id-left"
  case unavailable = "unavailable"
  case outcomeUnknown = "outcome-unknown"
  case peerNotReached = "peer-not-reached"

  package var status: Int {
    switch self {
    case .badRequest, .invalidID, .invalidUserID, .invalidPolicy, .invalidFault: 400
    case .unauthorized: 401
    case .wrongHost: 421
    case .notOpen: 403
    case .notFound, .noSuchPolicy, .noCoupon, .noSuchStay, .notUsed: 404
    case .methodNotAllowed: 405
    case .soldOut, .noRoomsLeft, .policyExists, .noPolicyIDLeft: 409
    case .peerNotReached: 502
    case .unavailable, .outcomeUnknown: 503
    }
  }

  package var title: String {
    switch self {
    case .badRequest: "The request cannot be understood"
    case .invalidID: "The id is not a number that can name anything"
    case .invalidUserID: "X-User-Id breaks a rule"
    case .invalidPolicy: "The policy breaks a rule"
    case .invalidFault: "The fault breaks a rule"
    case .unauthorized: "The operator's token is needed"
    case .wrongHost: "The operator's listener has another name"
    case .notOpen: "The policy is not open"
    case .notFound: "Nothing is here"
    case .noSuchPolicy: "There is no such policy"
    case .noCoupon: "The person has no coupon of this policy"
    case .noSuchStay: "There is no such stay"
    case .notUsed: "This program does not use that server"
    case .methodNotAllowed: "The method is not allowed here"
    case .soldOut: "Today's coupons are sold out"
    case .noRoomsLeft: "No room is left"
    case .policyExists: "Another policy has this id"
    case .noPolicyIDLeft: "No policyId is free"
    case .unavailable: "Unavailable; nothing was done"
    case .outcomeUnknown: "The outcome is unknown; it may have been done"
    case .peerNotReached: "Done here, but not by every peer"
    }
  }
}

/// A problem as an answer. Those without variable parts are rendered once.
enum Problem {
  static let contentType = "application/problem+json"
  /// How long a client that receives a 503 should wait.
  static let retryAfter = ("Retry-After", "1")

  static let soldOut = render(.soldOut)
  static let notFound = render(.notFound)
  static let wrongHost = render(.wrongHost)
  static let noSuchPolicy = render(.noSuchPolicy)
  static let noCoupon = render(.noCoupon)
  static let noSuchStay = render(.noSuchStay)
  static let noRoomsLeft = render(.noRoomsLeft)
  static let noPolicyIDLeft = render(
    .noPolicyIDLeft, detail: "Every policyId from 1 to 2147483647 is taken. Nothing was done.")
  static let malformedID = render(.invalidID, detail: "An id is a whole number without sign or leading zero.")
  static let policyIDTooLarge = render(.invalidID, detail: "A policyId is a number from 1 to 2147483647.")

  static let malformedAfter = render(
    .badRequest, detail: "after is the sequence of an event: a whole number that is not negative.")

  static let unknownConcern = render(
    .badRequest, detail: "for is coupons or platform; without it the answer is for a load balancer.")

  static func unauthorized(challenge: String) -> HTTPResponse {
    render(.unauthorized, headers: [("WWW-Authenticate", challenge)])
  }

  static func policyExists(_ id: PolicyID) -> HTTPResponse {
    render(.policyExists) { $0.member("policyId", Int64(id.value)) }
  }

  static func methodNotAllowed(_ route: RouteName) -> HTTPResponse {
    render(.methodNotAllowed, headers: [("Allow", route.allowedMethods)])
  }

  static func invalidUserID(_ rule: UserIDRule) -> HTTPResponse {
    render(.invalidUserID, detail: rule.rawValue)
  }

  /// `next`: the next opening; nil after the event.
  static func notOpen(next: Timestamp?) -> HTTPResponse {
    render(.notOpen) { json in
      json.key("opensAt")
      if let next { json.string(next.description) } else { json.null() }
    }
  }

  static func trouble(_ trouble: ServiceTrouble) -> HTTPResponse {
    switch trouble {
    case .unavailable(let reason): render(.unavailable, detail: reason, headers: [retryAfter])
    case .outcomeUnknown(let reason): render(.outcomeUnknown, detail: reason, headers: [retryAfter])
    }
  }

  static func invalidPolicy(_ error: InvalidPolicy) -> HTTPResponse {
    render(.invalidPolicy, detail: "\(error.field) \(error.rule)") { $0.member("field", error.field) }
  }

  static func invalidFault(_ error: InvalidFault) -> HTTPResponse {
    render(.invalidFault, detail: error.description) { $0.member("field", error.field) }
  }

  static let noSuchTarget = render(
    .notFound, detail: "Faults are switched on at one of database, redis, kafka and coupons.")

  static func targetNotUsed(_ target: String) -> HTTPResponse {
    render(
      .notUsed,
      detail: target == "coupons" ? "This program records no coupons." : "This program uses no \(target).")
  }

  /// - Parameter extra: additional members of the object.
  static func render(
    _ code: ProblemCode, detail: String? = nil, headers: [(String, String)] = [],
    extra: (inout JSONWriter) -> Void = { _ in }
  ) -> HTTPResponse {
    var json = JSONWriter()
    json.object { json in
      json.member("type", "/problems/" + code.rawValue)
      json.member("title", code.title)
      json.member("status", Int64(code.status))
      json.member("code", code.rawValue)
      if let detail { json.member("detail", detail) }
      extra(&json)
    }
    return HTTPResponse(status: code.status, contentType: contentType, headers: headers, body: json.bytes)
  }
}
