package import EventLoop
package import Operations

/// The fault switches of one process: what is broken now, until when, and how many uses it has affected
/// (bites).
///
///     off ──set──▶ on ──clear, or the time to live is over──▶ off
///                   └──set──▶ on (another fault takes its place)
///
/// `SwitchedServer` asks for the `effect` on each use of a server while a fault is on.
@LoopActor
package final class FaultBoard {
  /// The servers that this program uses, and whether it records coupons.
  package nonisolated let targets: [FaultTarget]
  private let log: Log
  private let metrics: Metrics
  private var switches: [FaultSwitch]
  private var listeners: [FaultTarget: [@LoopActor (FaultSpec?) -> Void]] = [:]
  private var random = SystemRandomNumberGenerator()

  package init(targets: [FaultTarget], log: Log, metrics: Metrics) {
    (self.targets, self.log, self.metrics) = (targets, log, metrics)
    switches = FaultTarget.allCases.map { _ in FaultSwitch() }
    for target in targets {
      for kind in target.kinds { register(target, kind) }
    }
  }

  private func register(_ target: FaultTarget, _ kind: FaultKind) {
    let labels = [MetricLabel("target", target.rawValue), MetricLabel("kind", kind.rawValue)]
    metrics.gauge("fault_active", help: "Whether a fault is switched on (1) or not (0).", labels: labels) {
      [weak self] in self?.switches[target.index].spec?.kind == kind ? 1 : 0
    }
    switches[target.index].bitesTotal[kind] = metrics.counter(
      "fault_bites_total", help: "Uses of a server that an active fault has failed or delayed.",
      labels: labels)
  }

  // MARK: Switching

  /// Switches a fault on; it replaces the one that is on.
  package func set(_ target: FaultTarget, _ spec: FaultSpec, now: Instant) {
    precondition(targets.contains(target), "this program does not use \(target)")
    precondition(target.kinds.contains(spec.kind), "\(target) knows no \(spec.kind)")
    let seed = spec.seed ?? random.next(upperBound: FaultSpec.greatestSeed + 1)
    let until = now + spec.timeToLive
    switches[target.index].turnOn(spec, seed: seed, until: until)
    let timer = EventLoop.shared.schedule(after: spec.timeToLive) { [weak self] in
      self?.expire(target, now: max(.now, until))
    }
    switches[target.index].timer = timer
    log.warning(
      "a fault is switched on",
      [
        "target": target.rawValue, "kind": spec.kind.rawValue, "ttl_s": spec.ttlSeconds,
        "detail": spec.detail(seed: seed),
      ])
    for listener in listeners[target] ?? [] { listener(spec) }
  }

  /// Switches the fault off; does nothing if none is on.
  package func clear(_ target: FaultTarget) { turnOff(target, "cleared") }

  /// Switches off a fault whose time to live has passed.
  package func expire(_ target: FaultTarget, now: Instant) {
    if switches[target.index].isOver(now) { turnOff(target, "time to live") }
  }

  private func turnOff(_ target: FaultTarget, _ reason: String) {
    guard let kind = switches[target.index].spec?.kind else { return }
    let bites = switches[target.index].bites
    switches[target.index].turnOff()
    log.warning(
      "a fault is switched off",
      ["target": target.rawValue, "kind": kind.rawValue, "reason": reason, "bites": Int(bites)])
    for listener in listeners[target] ?? [] { listener(nil) }
  }

  /// Calls `listener` with each fault that is switched on, and with nil when it is off again.
  package func onChange(_ target: FaultTarget, _ listener: @escaping @LoopActor (FaultSpec?) -> Void) {
    listeners[target, default: []].append(listener)
  }

  // MARK: Effects

  /// The effect on one use of the server; any effect but passing it unchanged counts as a bite.
  package func effect(_ target: FaultTarget, now: Instant = .now) -> FaultEffect {
    expire(target, now: now)
    return switches[target.index].bite()
  }

  /// The effect on the coupon of one person; any but none counts as a bite.
  package func effect(on person: String, now: Instant = .now) -> CouponEffect {
    expire(.coupons, now: now)
    return switches[FaultTarget.coupons.index].bite(person)
  }

  package func current(_ target: FaultTarget, now: Instant) -> FaultStatus {
    expire(target, now: now)
    return switches[target.index].status(of: target, now: now)
  }

  package func all(now: Instant) -> [FaultStatus] { targets.map { current($0, now: now) } }
}

/// The state of one switch of one process.
package struct FaultStatus: Hashable, Sendable {
  package let target: FaultTarget
  /// Nil while no fault is on.
  package let spec: FaultSpec?
  /// The seed of `flaky`'s draws.
  package let seed: UInt64?
  package let remainingSeconds: Double
  /// Bites of the fault that is on, or of the last one.
  package let bites: UInt64
}

private struct FaultSwitch {
  private(set) var spec: FaultSpec?
  private var seed: UInt64 = 0
  private var until = Instant(nanoseconds: 0)
  private var fault: any Fault = NoFault()
  private var couponFault: (any CouponFault)?
  private var choice = CouponChoice.all
  private(set) var bites: UInt64 = 0
  var bitesTotal: [FaultKind: Counter] = [:]
  var timer: LoopTimer?
  private var counter: Counter?

  @LoopActor
  mutating func turnOn(_ spec: FaultSpec, seed: UInt64, until: Instant) {
    timer?.cancel()
    (self.spec, self.seed, self.until, bites) = (spec, seed, until, 0)
    fault = spec.fault(seed: seed)
    (couponFault, choice) = (spec.couponFault, CouponChoice(spec))
    counter = bitesTotal[spec.kind]
  }

  @LoopActor
  mutating func turnOff() {
    timer?.cancel()
    timer = nil
    spec = nil
    fault = NoFault()
    couponFault = nil
  }

  func isOver(_ now: Instant) -> Bool { spec != nil && now >= until }

  @LoopActor
  mutating func bite() -> FaultEffect {
    let effect = fault.effect()
    if effect != .none {
      bites += 1
      counter?.increment()
    }
    return effect
  }

  @LoopActor
  mutating func bite(_ person: String) -> CouponEffect {
    guard let couponFault, choice.takes(person) else { return .none }
    bites += 1
    counter?.increment()
    return couponFault.effect
  }

  func status(of target: FaultTarget, now: Instant) -> FaultStatus {
    let left = spec == nil ? 0 : Double((until - now).nanoseconds) / 1e9
    return FaultStatus(
      target: target, spec: spec, seed: spec?.kind == .flaky ? seed : nil, remainingSeconds: max(0, left),
      bites: bites)
  }
}

extension FaultTarget {
  fileprivate var index: Int {
    switch self {
    case .database: 0
    case .redis: 1
    case .kafka: 2
    case .coupons: 3
    }
  }
}
