import CouponDomain
package import EventLoop
package import HTTP
package import Operations

/// The services behind an API. The worker has neither coupons nor stays, only health and metrics.
package struct APIServices: Sendable {
  package let coupons: (any CouponService)?
  package let bystander: (any BystanderService)?
  package let readiness: @Sendable @LoopActor () -> ServiceReadiness

  package init(coupons: any CouponService, bystander: any BystanderService) {
    (self.coupons, self.bystander) = (coupons, bystander)
    readiness = { coupons.readiness() }
  }

  /// A program without API calls.
  package init(readiness: @escaping @Sendable @LoopActor () -> ServiceReadiness) {
    (coupons, bystander) = (nil, nil)
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

  package init(services: APIServices, metrics: Metrics, clock: SystemClock, requestDeadline: Duration) {
    (self.services, self.figures, self.clock) = (services, metrics, clock)
    requests = RequestMetrics(metrics)
    deadlineNanoseconds = UInt64(max(0, requestDeadline.nanoseconds))
  }

  package func handle(_ request: HTTPRequest) -> Reply<HTTPResponse> {
    let start = request.receivedAt ?? .now
    let route = Route.find(request.path)
    let deadline = Instant(nanoseconds: start.nanoseconds &+ deadlineNanoseconds)
    return requests.measured(answer(request, route, deadline: deadline), route.name, since: start)
  }

  private func answer(_ request: HTTPRequest, _ route: Route, deadline: Instant) -> Reply<HTTPResponse> {
    guard route.name != .none else { return .now(Problem.notFound) }
    guard request.method == route.name.method else { return .now(Problem.methodNotAllowed(route.name)) }
    switch route.name {
    case .coupons, .policy, .myCoupon:
      guard let coupons = services.coupons else { return .now(Problem.notFound) }
      guard case .number(let number) = route.id else { return .now(Problem.malformedID) }
      guard let id = PolicyID(number) else { return .now(Problem.policyIDTooLarge) }
      switch route.name {
      case .coupons: return issue(request, id, deadline, coupons)
      case .policy: return policy(id, deadline, coupons)
      default: return myCoupon(request, id, deadline, coupons)
      }
    case .stays, .stay, .bookings:
      guard let bystander = services.bystander else { return .now(Problem.notFound) }
      if route.name == .stays { return stays(deadline, bystander) }
      guard case .number(let id) = route.id else { return .now(Problem.malformedID) }
      return route.name == .stay ? stay(id, deadline, bystander) : book(request, id, deadline, bystander)
    case .problem: return .now(ProblemPages.answer(route.code))
    default: return .now(operations(route.name))
    }
  }

  // MARK: - Coupons

  private func issue(
    _ request: HTTPRequest, _ id: PolicyID, _ deadline: Instant, _ coupons: any CouponService
  ) -> Reply<HTTPResponse> {
    let user: UserID
    do { user = try request.userID() } catch { return .now(Problem.invalidUserID(error)) }
    let trace = request.headers.first("traceparent").flatMap(TraceContext.init)?.description
    let asked = IssueRequest(
      policyID: id, userID: user, time: clock.now(), deadline: deadline, traceparent: trace)
    return coupons.issue(asked).map(PublicAPI.response)
  }

  private nonisolated static func response(_ answer: IssueAnswer) -> HTTPResponse {
    switch answer {
    case .created(let coupon): .json(Representation.coupon(coupon), status: 201)
    case .existing(let coupon): .json(Representation.coupon(coupon))
    case .soldOut: Problem.soldOut
    case .notOpen(let next): Problem.notOpen(next: next)
    case .noSuchPolicy: Problem.noSuchPolicy
    case .trouble(let trouble): Problem.trouble(trouble)
    }
  }

  private func policy(
    _ id: PolicyID, _ deadline: Instant, _ coupons: any CouponService
  ) -> Reply<HTTPResponse> {
    let time = clock.now()
    return coupons.status(of: id, at: time, deadline: deadline).map { answer in
      switch answer {
      case .policy(let policy, let window, let issued):
        .json(Representation.policy(policy, window: window, issued: issued, at: time))
      case .noSuchPolicy: Problem.noSuchPolicy
      case .trouble(let trouble): Problem.trouble(trouble)
      }
    }
  }

  private func myCoupon(
    _ request: HTTPRequest, _ id: PolicyID, _ deadline: Instant, _ coupons: any CouponService
  ) -> Reply<HTTPResponse> {
    let user: UserID
    do { user = try request.userID() } catch { return .now(Problem.invalidUserID(error)) }
    return coupons.latestCoupon(of: user, in: id, deadline: deadline).map { answer in
      switch answer {
      case .coupon(let coupon): .json(Representation.coupon(coupon))
      case .none: Problem.noCoupon
      case .noSuchPolicy: Problem.noSuchPolicy
      case .trouble(let trouble): Problem.trouble(trouble)
      }
    }
  }

  // MARK: - The bystander

  private func stays(_ deadline: Instant, _ bystander: any BystanderService) -> Reply<HTTPResponse> {
    .later {
      await bystander.stays(deadline: deadline).response { .json(Representation.stays($0)) }
    }
  }

  private func stay(_ id: Int64, _ deadline: Instant, _ bystander: any BystanderService) -> Reply<
    HTTPResponse
  > {
    .later {
      await bystander.stay(id, deadline: deadline).response { .json(Representation.stay($0)) }
    }
  }

  private func book(
    _ request: HTTPRequest, _ id: Int64, _ deadline: Instant, _ bystander: any BystanderService
  ) -> Reply<HTTPResponse> {
    let user: UserID
    do { user = try request.userID() } catch { return .now(Problem.invalidUserID(error)) }
    return .later {
      await bystander.book(stay: id, by: user, deadline: deadline).response {
        .json(Representation.booking($0), status: 201)
      }
    }
  }

  // MARK: - The operator's view

  private func operations(_ route: RouteName) -> HTTPResponse {
    switch route {
    case .health: return .json(Array("{\"status\":\"ok\"}".utf8))
    case .readiness:
      let readiness = services.readiness()
      return .json(Representation.readiness(readiness), status: readiness.isReady ? 200 : 503)
    case .metrics:
      return HTTPResponse(status: 200, contentType: Metrics.contentType, body: figures.render())
    case .contract:
      return HTTPResponse(status: 200, contentType: "application/yaml", body: PackageResources.openapi_yaml)
    default: return Problem.notFound
    }
  }
}

extension BystanderAnswer {
  fileprivate func response(_ found: (Value) -> HTTPResponse) -> HTTPResponse {
    switch self {
    case .found(let value): found(value)
    case .notFound: Problem.noSuchStay
    case .full: Problem.noRoomsLeft
    case .trouble(let trouble): Problem.trouble(trouble)
    }
  }
}

extension Reply {
  /// The same reply, rendered: at once if it is available, otherwise later.
  @LoopActor fileprivate func map(
    _ render: @escaping @Sendable (Value) -> HTTPResponse
  ) -> Reply<HTTPResponse> {
    switch self {
    case .now(let value): .now(render(value))
    case .later(let work): .later { render(await work()) }
    case .told(let ask): .told { tell in ask { tell(render($0)) } }
    }
  }
}
