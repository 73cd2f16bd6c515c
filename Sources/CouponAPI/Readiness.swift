package import EventLoop

/// What a process may be asked about its readiness (`/readyz?for=`).
enum Concern: String, CaseIterable {
  case coupons
  case platform
}

/// What `/readyz` says.
///
/// A balancer takes a process that is not ready away from every request, so an outage of a server that only coupons need
/// must not answer 503 here: stays and bookings would go with them. Hence:
/// - until coupon requests could be answered once, `/readyz` is 503: a process that still reads the log gets no requests;
/// - from then on it is 503 only while neither coupon requests nor the rest of the platform can be answered;
/// - `/readyz?for=coupons` and `/readyz?for=platform` say what is true of each now.
@LoopActor
final class Readiness {
  private let coupons: @Sendable @LoopActor () -> ServiceReadiness
  private let platform: (@Sendable @LoopActor () -> ServiceReadiness)?
  private var hasBeenReady = false

  init(_ services: APIServices) {
    (coupons, platform) = (services.readiness, services.platform)
  }

  /// Nil where this process does not serve the concern.
  func answer(for concern: Concern) -> (isReady: Bool, reasons: [String])? {
    switch concern {
    case .coupons: Readiness.plain(couponsNow())
    case .platform: platform.map { Readiness.plain($0()) }
    }
  }

  /// What a balancer needs; the reasons name every concern that cannot be served, also where the answer is yes.
  func answer() -> (isReady: Bool, reasons: [String]) {
    let coupons = couponsNow()
    guard let platform = platform?() else { return Readiness.plain(coupons) }
    let isReady = hasBeenReady ? coupons.isReady || platform.isReady : false
    return (isReady, coupons.reasons + platform.reasons.filter { !coupons.reasons.contains($0) })
  }

  private func couponsNow() -> ServiceReadiness {
    let now = coupons()
    if now.isReady { hasBeenReady = true }
    return now
  }

  private static func plain(_ readiness: ServiceReadiness) -> (isReady: Bool, reasons: [String]) {
    (readiness.isReady, readiness.reasons)
  }
}

/// Asks the bystander once a second whether the rest of the platform can be answered: an architecture whose coupons do not
/// need the database learns of its outage in no other way.
@LoopActor
package final class PlatformProbe {
  private let bystander: any BystanderService
  private var isAnswering = false
  private var isStopped = false

  private static let interval = Duration.seconds(1)
  private static let patience = Duration.seconds(2)

  package init(_ bystander: any BystanderService) { self.bystander = bystander }

  package var readiness: ServiceReadiness {
    ServiceReadiness(reasons: isAnswering ? [] : ["stays cannot be read from the database"])
  }

  package func start() {
    EventLoop.shared.spawn {
      while !self.isStopped {
        if case .found = await self.bystander.stays(deadline: .now + PlatformProbe.patience) {
          self.isAnswering = true
        } else {
          self.isAnswering = false
        }
        await EventLoop.shared.sleep(for: PlatformProbe.interval)
      }
    }
  }

  package func stop() { isStopped = true }
}
