package import Text

/// The state of one policy, folded from its events with `decide` and `evolve`.
///
/// The API's list, the worker's batch, a rebuild and the checker all fold with this type. The worker seeds it
/// with the database's rows for the people and days of its batch.
package struct PolicyLedger: Sendable {
  package let policy: Policy
  private var issuedByDay = DayMap<Int>()
  private var couponsByPeriod = DayMap<PeriodCoupons>()
  /// Events arrive in the order of their ranks, seeds in any order.
  private var isInOrder = true

  private let room: Int

  /// - Parameter coupons: of a period, for which room is made; nil: the quota.
  package init(_ policy: Policy, expecting coupons: Int? = nil) {
    self.policy = policy
    room = min(coupons ?? policy.dailyQuota, policy.dailyQuota)
  }

  /// Seeds a day's counter with the number issued before.
  package mutating func seed(issued: Int, on day: Day) { set(issued, on: day) }

  /// Seeds the coupon that a person holds in its period.
  package mutating func seed(_ coupon: Coupon) {
    isInOrder = false
    hold(coupon)
  }

  @inline(__always) package func issued(on day: Day) -> Int {
    issuedByDay.place(day).map { issuedByDay[$0] } ?? 0
  }

  /// Changes nothing; `mutating`, because only such a method of another module is called where the ledger lies, and this
  /// is asked for every request. Others are called on a copy, which counts a reference for each table.
  package mutating func isFull(on day: Day) -> Bool { issued(on: day) >= policy.dailyQuota }

  /// The coupon that this person holds in the period of this day.
  package func coupon(of user: UserID, on day: Day) -> Coupon? {
    guard let place = couponsByPeriod.place(policy.period(of: day)) else { return nil }
    return couponsByPeriod[place][user]
  }

  /// The person's latest coupon in the whole event.
  package func latestCoupon(of user: UserID) -> Coupon? {
    var latest: Coupon?
    for place in couponsByPeriod.places {
      guard let coupon = couponsByPeriod[place][user] else { continue }
      if let known = latest, known.claim.day >= coupon.claim.day { continue }
      latest = coupon
    }
    return latest
  }

  /// The days on which coupons were issued or seeded.
  package var days: [Day] { issuedByDay.days.sorted() }

  /// The day's coupons in the order of their ranks. Scans every coupon of the period.
  package func coupons(on day: Day) -> [Coupon] {
    let coupons = couponsByPeriod.place(policy.period(of: day)).map { couponsByPeriod[$0].all } ?? []
    let ofDay = coupons.filter { $0.claim.day == day }
    return isInOrder ? ofDay : ofDay.sorted { ($0.rank ?? 0) < ($1.rank ?? 0) }
  }

  /// The day's coupons among the next `count` of its period, in the order in which they were added, and the
  /// place to continue from; nil after the last. For scans in bounded steps: a place stays valid while events
  /// are applied.
  package func coupons(on day: Day, from place: Int, lookingAt count: Int) -> (found: [Coupon], next: Int?) {
    guard let period = couponsByPeriod.place(policy.period(of: day)) else { return ([], nil) }
    let all = couponsByPeriod[period].all
    let end = min(place + count, all.count)
    guard place < end else { return ([], nil) }
    return (all[place..<end].filter { $0.claim.day == day }, end < all.count ? end : nil)
  }

  @inline(__always) package func state(of user: UserID, on day: Day) -> IssuanceState {
    IssuanceState(policy: policy, issued: issued(on: day), held: coupon(of: user, on: day))
  }

  /// Why this person gets no coupon on this day; nil if there is one. `mutating` like `isFull`.
  package mutating func refusal(of user: UserID, on day: Day, hours: Hours) -> Refusal? {
    CouponDomain.refusal(hours: hours, state(of: user, on: day))
  }

  /// Decides a claim and, if it wins, applies the event.
  package mutating func apply(_ claim: CouponClaim, hours: Hours = .open) -> Decision {
    let state = state(of: claim.userID, on: claim.day)
    let decision = decide(claim, hours: hours, state)
    if case .issued(let coupon) = decision { take(evolve(state, coupon), coupon) }
    return decision
  }

  private mutating func take(_ state: IssuanceState, _ coupon: Coupon) {
    set(state.issued, on: coupon.claim.day)
    hold(coupon)
  }

  private mutating func hold(_ coupon: Coupon) {
    let period = policy.period(of: coupon.claim.day)
    let place = couponsByPeriod.place(period) ?? begin(period)
    couponsByPeriod[place].hold(coupon)
  }

  private mutating func begin(_ period: Day) -> Int {
    if let latest = couponsByPeriod.places.last { couponsByPeriod[latest].giveBackSpare() }
    return couponsByPeriod.add(period, PeriodCoupons(capacity: room))
  }

  private mutating func set(_ issued: Int, on day: Day) {
    if let place = issuedByDay.place(day) {
      issuedByDay[place] = issued
    } else {
      _ = issuedByDay.add(day, issued)
    }
  }
}

/// Values by day. There are few days, every request looks one up, and it is nearly always the latest: a
/// search from the end needs no hash, and values are changed in place.
private struct DayMap<Value: Sendable>: Sendable {
  private(set) var days: [Day] = []
  private var values: [Value] = []

  var places: Range<Int> { values.indices }
  @inline(__always) func place(_ day: Day) -> Int? {
    var place = days.count
    while place > 0 {
      place -= 1
      if days[place] == day { return place }
    }
    return nil
  }

  subscript(place: Int) -> Value {
    _read { yield values[place] }
    _modify { yield &values[place] }
  }

  mutating func add(_ day: Day, _ value: Value) -> Int {
    days.append(day)
    values.append(value)
    return values.count - 1
  }
}

/// One period's coupons, by person and in the order in which they were added.
private struct PeriodCoupons: Sendable {
  private(set) var all: [Coupon] = []
  /// Positions instead of coupons keep the table small, so that it stays in the processor's caches.
  private var positions: [UserID: Int32] = [:]

  /// Growing a table of a million entries blocks the loop for half a second, so the capacity is reserved at
  /// once. What is not used of it is address space, no memory.
  init(capacity: Int) {
    all.reserveCapacity(min(capacity, PeriodCoupons.reservedAtMost))
    positions.reserveCapacity(min(capacity, PeriodCoupons.reservedAtMost))
  }

  private static let reservedAtMost = 4_000_000

  subscript(_ user: UserID) -> Coupon? { positions[user].map { all[Int($0)] } }

  /// Gives back what was reserved for a quota that people left: the period is over, more or less. Only where there is
  /// much to win, and few coupons to move: the loop waits meanwhile.
  mutating func giveBackSpare() {
    guard all.count <= 16_384, all.count < positions.capacity / 4 else { return }
    let used = all
    self = PeriodCoupons(capacity: used.count)
    for coupon in used { hold(coupon) }
  }

  mutating func hold(_ coupon: Coupon) {
    let next = Int32(all.count)
    let position = positions.updateValue(next, forKey: coupon.claim.userID)
    if let position {
      positions[coupon.claim.userID] = position
      all[Int(position)] = coupon
    } else {
      all.append(coupon)
    }
  }
}
