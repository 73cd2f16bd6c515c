import CouponDomain
package import EventLoop
package import HTTP
package import Faults
package import Operations
package import Secrets

/// The operator's listener: every call needs the bearer token, even for an unknown route; only the pages of
/// problems need none.
@LoopActor
package final class AdminAPI {
  /// The most lines in one answer of the event stream; a client continues after the last sequence.
  package nonisolated static let eventsAnAnswer = 1_000

  private let coupons: (any CouponService)?
  private let token: SecretToken
  private let host: OperatorHost
  private let requests: RequestMetrics
  private let troubles: Troubles
  private let requestDeadline: Duration
  private let faults: AdminFaults?

  package init(
    services: APIServices, token: SecretToken, metrics: Metrics, troubles: Troubles,
    requestDeadline: Duration,
    faults: FaultControl? = nil, host: String = "127.0.0.1"
  ) {
    self.host = OperatorHost(ownName: host)
    (coupons, self.token, self.troubles) = (services.coupons, token, troubles)
    self.faults = faults.map { control in
      AdminFaults(board: control.board, peers: AdminPeers(control.peers, token: control.token))
    }
    (requests, self.requestDeadline) = (RequestMetrics(metrics), requestDeadline)
  }

  package func handle(_ request: HTTPRequest) -> Reply<HTTPResponse> {
    let start = Instant.now
    let route = Route.findAdmin(request)
    return requests.measured(
      answer(request, route, deadline: start + requestDeadline), route.name, since: start)
  }

  private func answer(_ request: HTTPRequest, _ route: Route, deadline: Instant) -> Reply<HTTPResponse> {
    guard host.admits(request) else { return .now(Problem.wrongHost) }
    // A problem's `type` refers to these pages, also in a refusal: they are not secret.
    if route.name == .problem {
      return .now(
        route.name.allows(request.method)
          ? ProblemPages.answer(route.code) : Problem.methodNotAllowed(route.name))
    }
    if let refusal = refusal(of: request) { return .now(refusal) }
    switch route.name {
    case .adminFault, .adminFaults:
      guard let faults else { return .now(Problem.notFound) }
      guard route.name.allows(request.method) else { return .now(Problem.methodNotAllowed(route.name)) }
      return faults.answer(request, route, deadline: deadline)
    case .none: return .now(Problem.notFound)
    default: break
    }
    guard let coupons else { return .now(Problem.notFound) }
    guard route.name.allows(request.method) else { return .now(Problem.methodNotAllowed(route.name)) }
    if route.name == .adminPolicies { return create(request, deadline, coupons) }
    guard case .number(let number) = route.id else { return .now(Problem.malformedID) }
    guard let id = PolicyID(number) else { return .now(Problem.policyIDTooLarge) }
    return events(request, id, deadline, coupons)
  }

  /// Nil if the request has the token (RFC 6750).
  private func refusal(of request: HTTPRequest) -> HTTPResponse? {
    let scheme = "bearer "
    let values = request.headers.values("authorization")
    guard values.count == 1, let credentials = values.first,
      credentials.prefix(scheme.count).lowercased() == scheme
    else { return Problem.unauthorized(challenge: "Bearer realm=\"timeattack\"") }
    if token.matches(credentials.dropFirst(scheme.count)) { return nil }
    return Problem.unauthorized(challenge: "Bearer realm=\"timeattack\", error=\"invalid_token\"")
  }

  private func create(
    _ request: HTTPRequest, _ deadline: Instant, _ coupons: any CouponService
  ) -> Reply<HTTPResponse> {
    let draft: PolicyDraft
    do { draft = try PolicyDraft(json: request.body) } catch { return .now(Problem.invalidPolicy(error)) }
    return .later {
      switch await coupons.create(draft, deadline: deadline) {
      case .policy(let policy, let created):
        HTTPResponse(
          status: created ? 201 : 200, contentType: "application/json",
          headers: [("Location", "/v1/policies/\(policy.id)")], body: Representation.policy(policy))
      case .conflict(let existing): Problem.policyExists(existing.id)
      case .noneFree: Problem.noPolicyIDLeft
      case .trouble(let trouble): self.troubles.answer(trouble, of: "operator")
      }
    }
  }

  private func events(
    _ request: HTTPRequest, _ id: PolicyID, _ deadline: Instant, _ coupons: any CouponService
  ) -> Reply<HTTPResponse> {
    var after: Int64 = 0
    if let text = request.queryValue("after"), text != "0" {
      guard let number = PathID.number(text.utf8) else { return .now(Problem.malformedAfter) }
      after = number
    }
    return .later {
      switch await coupons.events(of: id, after: after, limit: AdminAPI.eventsAnAnswer, deadline: deadline) {
      case .events(let events):
        var lines: [UInt8] = []
        for event in events {
          lines.append(contentsOf: Representation.event(event))
          lines.append(UInt8(ascii: "\n"))
        }
        return HTTPResponse(status: 200, contentType: "application/x-ndjson", body: lines)
      case .noSuchPolicy: return Problem.noSuchPolicy
      case .trouble(let trouble): return self.troubles.answer(trouble, of: "operator")
      }
    }
  }
}

/// What the operator's calls to the fault switches need.
package struct FaultControl: Sendable {
  package let board: FaultBoard
  /// `host:port` of the operators' listeners that receive each switch.
  package let peers: [String]
  /// Secret: this operator's token, and the peers'.
  package let token: String

  package init(board: FaultBoard, peers: [String], token: String) {
    (self.board, self.peers, self.token) = (board, peers, token)
  }
}
