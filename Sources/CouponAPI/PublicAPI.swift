import CContract
import CouponDomain
package import EventLoop
package import HTTP
package import Operations

/// The services behind an API. The worker has neither coupons nor stays, only health and metrics.
package struct APIServices: Sendable {
  package let coupons: (any CouponService)?
  package let bystander: (any BystanderService)?
  /// Of what concerns coupons; in a worker, of writing them.
  package let readiness: @Sendable @LoopActor () -> ServiceReadiness
  /// Of the rest of the platform; nil in a worker.
  package let platform: (@Sendable @LoopActor () -> ServiceReadiness)?

  package init(
    coupons: any CouponService, bystander: any BystanderService,
    platform: @escaping @Sendable @LoopActor () -> ServiceReadiness
  ) {
    (self.coupons, self.bystander, self.platform) = (coupons, bystander, platform)
    readiness = { coupons.readiness() }
  }

  /// A program without API calls.
  package init(readiness: @escaping @Sendable @LoopActor () -> ServiceReadiness) {
    (coupons, bystander, platform) = (nil, nil, nil)
    self.readiness = readiness
  }
}

/// The public listener's routes. A request that can be answered at once needs no task.
@LoopActor
package final class PublicAPI {
  private let services: APIServices
  private let figures: Metrics
  private let requests: RequestMetrics
  private let clock: SystemClock
  private let deadlineNanoseconds: UInt64
  private let readiness: Readiness
  private let troubles: Troubles
  /// Nil in a worker.
  private let issuing: IssueCall?

  package init(
    services: APIServices, metrics: Metrics, troubles: Troubles, clock: SystemClock, requestDeadline: Duration
  ) {
    (self.services, self.figures, self.clock) = (services, metrics, clock)
    (self.troubles, readiness) = (troubles, Readiness(services))
    let requests = RequestMetrics(metrics)
    self.requests = requests
    issuing = services.coupons.map { IssueCall($0, requests, troubles, clock) }
    deadlineNanoseconds = UInt64(max(0, requestDeadline.nanoseconds))
  }

  package func handle(_ request: HTTPRequest, for caller: HTTPCaller) -> Reply<HTTPResponse>? {
    let start = request.receivedAt ?? .now
    let route = Route.find(request)
    let deadline = Instant(nanoseconds: start.nanoseconds &+ deadlineNanoseconds)
    if route.name == .coupons, case .post = request.method, let issuing {
      return issuing.answer(request, route.id, deadline, caller, since: start)
    }
    return requests.measured(answer(request, route, deadline: deadline), route.name, since: start)
  }

  private func answer(_ request: HTTPRequest, _ route: Route, deadline: Instant) -> Reply<HTTPResponse> {
    guard route.name != .none else { return .now(Problem.notFound) }
    guard request.method == route.name.method else { return .now(Problem.methodNotAllowed(route.name)) }
    switch route.name {
    case .policy, .myCoupon:
      guard let coupons = services.coupons else { return .now(Problem.notFound) }
      switch route.id.policyID {
      case .failure(let problem): return .now(problem.response)
      case .success(let id):
        return route.name == .policy
          ? policy(id, deadline, coupons) : myCoupon(request, id, deadline, coupons)
      }
    case .stays, .stay, .bookings:
      guard let bystander = services.bystander else { return .now(Problem.notFound) }
      if route.name == .stays { return stays(deadline, bystander) }
      guard case .number(let id) = route.id else { return .now(Problem.malformedID) }
      return route.name == .stay ? stay(id, deadline, bystander) : book(request, id, deadline, bystander)
    case .problem: return .now(ProblemPages.answer(route.code))
    default: return .now(operations(route.name, request))
    }
  }

  // MARK: - Coupons

  private func policy(
    _ id: PolicyID, _ deadline: Instant, _ coupons: any CouponService
  ) -> Reply<HTTPResponse> {
    let time = clock.now()
    return coupons.status(of: id, at: time, deadline: deadline).map { [troubles] answer in
      switch answer {
      case .policy(let policy, let window, let issued):
        .json(Representation.policy(policy, window: window, issued: issued, at: time))
      case .noSuchPolicy: Problem.noSuchPolicy
      case .trouble(let trouble): troubles.answer(trouble, of: "coupons")
      }
    }
  }

  private func myCoupon(
    _ request: HTTPRequest, _ id: PolicyID, _ deadline: Instant, _ coupons: any CouponService
  ) -> Reply<HTTPResponse> {
    let user: UserID
    do { user = try request.userID() } catch { return .now(Problem.invalidUserID(error)) }
    return coupons.latestCoupon(of: user, in: id, deadline: deadline).map { [troubles] answer in
      switch answer {
      case .coupon(let coupon): .json(Representation.coupon(coupon))
      case .none: Problem.noCoupon
      case .noSuchPolicy: Problem.noSuchPolicy
      case .trouble(let trouble): troubles.answer(trouble, of: "coupons")
      }
    }
  }

  // MARK: - The bystander

  private func stays(_ deadline: Instant, _ bystander: any BystanderService) -> Reply<HTTPResponse> {
    .later {
      await bystander.stays(deadline: deadline).response(self.troubles) { .json(Representation.stays($0)) }
    }
  }

  private func stay(_ id: Int64, _ deadline: Instant, _ bystander: any BystanderService) -> Reply<
    HTTPResponse
  > {
    .later {
      await bystander.stay(id, deadline: deadline).response(self.troubles) { .json(Representation.stay($0)) }
    }
  }

  private func book(
    _ request: HTTPRequest, _ id: Int64, _ deadline: Instant, _ bystander: any BystanderService
  ) -> Reply<HTTPResponse> {
    let user: UserID
    do { user = try request.userID() } catch { return .now(Problem.invalidUserID(error)) }
    return .later {
      await bystander.book(stay: id, by: user, deadline: deadline).response(self.troubles) {
        .json(Representation.booking($0), status: 201)
      }
    }
  }

  // MARK: - The operator's view

  private func operations(_ route: RouteName, _ request: HTTPRequest) -> HTTPResponse {
    switch route {
    case .health: return .json(Array("{\"status\":\"ok\"}".utf8))
    case .readiness:
      guard let asked = request.queryValue("for") else { return ready(readiness.answer()) }
      guard let concern = Concern(rawValue: String(asked)) else { return Problem.unknownConcern }
      return readiness.answer(for: concern).map(ready) ?? Problem.notFound
    case .metrics:
      return HTTPResponse(status: 200, contentType: Metrics.contentType, body: figures.render())
    case .contract:
      return HTTPResponse(status: 200, contentType: "application/yaml", body: contract_openapi.content)
    default: return Problem.notFound
    }
  }

  private func ready(_ answer: (isReady: Bool, reasons: [String])) -> HTTPResponse {
    .json(
      Representation.readiness(answer.isReady, answer.reasons), status: answer.isReady ? 200 : 503)
  }
}

extension Troubles {
  /// The problem, counted.
  func answer(_ trouble: ServiceTrouble, of concern: StaticString) -> HTTPResponse {
    note(trouble, of: concern)
    return Problem.trouble(trouble)
  }
}

extension BystanderAnswer {
  @LoopActor fileprivate func response(
    _ troubles: Troubles, _ found: (Value) -> HTTPResponse
  ) -> HTTPResponse {
    switch self {
    case .found(let value): found(value)
    case .notFound: Problem.noSuchStay
    case .full: Problem.noRoomsLeft
    case .trouble(let trouble): troubles.answer(trouble, of: "platform")
    }
  }
}

extension Reply {
  /// The same reply, rendered: at once if it is available, otherwise later.
  @LoopActor fileprivate func map(
    _ render: @escaping @Sendable @LoopActor (Value) -> HTTPResponse
  ) -> Reply<HTTPResponse> {
    switch self {
    case .now(let value): .now(render(value))
    case .later(let work): .later { render(await work()) }
    }
  }
}
