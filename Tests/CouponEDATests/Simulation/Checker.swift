import CouponLog
import CouponAdmission
import CouponAPI
import CouponDomain
import CouponStore
import Text

/// Watches one schedule from outside: what the people heard, what the log holds, what the tables hold.
///
/// What the log comes to is worked out here anew, without the product's fold: the first `quota` people of a day who
/// hold nothing.
final class Checker {
  private struct Holder: Hashable {
    let policyID: PolicyID
    let userID: UserID
    let period: Day
  }

  private unowned let world: World
  private(set) var violations: [String] = []
  private var policies: [PolicyID: Policy] = [:]
  /// The log's outcome so far.
  private var winners: [SetKey: [CouponClaim]] = [:]
  private var held: [Holder: (claim: CouponClaim, rank: Int)] = [:]
  private var inLog: Set<EventID> = []
  private var claimants: [SetKey: Set<UserID>] = [:]
  private var published: [SetKey: Set<UserID>] = [:]
  private var lastDay: [PolicyID: Day] = [:]
  private var applied: [Int64] = Array(repeating: 0, count: SimKafka.partitions)
  /// Days that only ghosts keep shut when the schedule heals.
  private var haunted: Set<SetKey> = []

  init(_ world: World) { self.world = world }

  var hasFailed: Bool { !violations.isEmpty }
  func fail(_ text: String) { violations.append("at \(world.now) ms: \(text)") }
  /// The first word of each violation: the invariant that broke.
  var kinds: [String] {
    violations.map {
      String($0.drop { $0 != ":" }.dropFirst(2).prefix { $0 != " " && $0 != ":" && $0 != "," })
    }
  }

  // MARK: - As it happens

  func appended(_ record: ReadEntry, _ partition: Int) {
    switch record {
    case .success(.policyCreated(let created)):
      if policies[created.policy.id] == nil { policies[created.policy.id] = created.policy }
    case .success(.claim(let claim)): appended(claim)
    case .failure: break
    }
  }

  private func appended(_ claim: CouponClaim) {
    guard let policy = policies[claim.policyID] else { return }
    inLog.insert(claim.eventID)
    let key = SetKey(policyID: claim.policyID, day: claim.day)
    claimants[key, default: []].insert(claim.userID)
    if claimants[key, default: []].count > policy.dailyQuota, world.weather.reportLost > 0 { world.race(.r3) }
    if claim.day < world.today { world.race(.r13) }
    if policy.perPerson == .once, let last = lastDay[policy.id], claim.day < last { world.race(.r17Late) }
    lastDay[policy.id] = claim.day
    let holder = Holder(policyID: policy.id, userID: claim.userID, period: policy.period(of: claim.day))
    guard held[holder] == nil, winners[key, default: []].count < policy.dailyQuota else { return }
    winners[key, default: []].append(claim)
    held[holder] = (claim, winners[key, default: []].count)
  }

  func published(_ visit: Visit) {
    published[SetKey(policyID: visit.policyID, day: visit.day), default: []].insert(visit.userID)
  }

  func noteGate(_ reply: GateReply, _ key: SetKey, _ policy: Policy) {
    guard reply == .beyondQuota else { return }
    if published[key, default: []].count < policy.dailyQuota { world.race(.r7) }
    if world.kafka.isDown, winners[key, default: []].count < policy.dailyQuota { world.race(.r18) }
  }

  /// The server's side of an answer: true at the moment it is given.
  func answered(_ request: SimRequest, _ answer: IssueAnswer, by api: SimAPI) {
    if world.now > request.deadline + 500, !api.wasStopped {
      fail("I12: \(request.person.id) was answered \(world.now - request.deadline) ms after the deadline")
    }
    switch answer {
    case .created(let coupon):
      if coupon.claim.eventID != request.eventID { fail("201 for somebody else's event") }
      checkCoupon(coupon, request)
      if request.wasMember, request.person.hadFailedDelivery { world.race(.r6) }
      if request.person.hadLostRemoval { world.race(.r5) }
    case .existing(let coupon):
      checkCoupon(coupon, request)
      noteRetry(coupon, request)
    case .soldOut:
      guard let day = request.day, let policy = policies[request.person.policyID] else {
        return fail("sold out without a day")
      }
      let holder = Holder(policyID: policy.id, userID: request.person.id, period: policy.period(of: day))
      // A full list has every winner of its day in it.
      if let won = held[holder], won.claim.day == day {
        fail("I5: \(request.person.id) heard sold out and has rank \(won.rank)")
      }
      let count = winners[SetKey(policyID: policy.id, day: day), default: []].count
      if count < policy.dailyQuota {
        fail("I14: \(request.person.id) heard sold out at \(count) of \(policy.dailyQuota)")
      }
    case .notOpen, .noSuchPolicy, .trouble: break
    }
  }

  /// A coupon that anybody hears of is in the log, with its rank.
  private func checkCoupon(_ coupon: Coupon, _ request: SimRequest) {
    guard let policy = policies[coupon.claim.policyID] else { return fail("a coupon of no policy") }
    if coupon.claim.userID != request.person.id { return fail("somebody else's coupon") }
    let holder = Holder(
      policyID: policy.id, userID: coupon.claim.userID, period: policy.period(of: coupon.claim.day))
    guard let truth = held[holder] else {
      // Where Redis decides, the row may still come: the end shows.
      if coupon.rank != nil { fail("I3: \(request.person.id) heard of a coupon that is not in the log") }
      return
    }
    if let rank = coupon.rank, rank != truth.rank || coupon.claim != truth.claim {
      fail("\(request.person.id) heard of rank \(rank) instead of \(truth.rank)")
    }
  }

  private func noteRetry(_ coupon: Coupon, _ request: SimRequest) {
    guard let policy = policies[coupon.claim.policyID], let day = request.day else { return }
    let key = SetKey(policyID: policy.id, day: coupon.claim.day)
    if world.redis.count(key) >= policy.dailyQuota { world.race(.r16) }
    if policy.perPerson == .once, coupon.claim.day < day { world.race(.r17) }
  }

  /// The person's side of an answer.
  func heard(_ answer: IssueAnswer?, _ request: SimRequest) {}

  func committedToGroup(_ offset: Int64, _ partition: Int) {
    if offset > world.database.nextOffsets[partition] {
      fail("I9: \(offset) is committed, \(world.database.nextOffsets[partition]) applied")
    }
  }

  /// Whether only people who are gone hold the last slots.
  func noteGhosts(_ key: SetKey, _ policy: Policy) {
    let gone = Set(world.people.filter(\.isGone).map(\.id))
    let members = world.redis.members(key)
    let idle = members.filter { user in !winners[key, default: []].contains { $0.userID == user } }
    if members.count >= policy.dailyQuota, !idle.isEmpty, idle.allSatisfy(gone.contains) {
      haunted.insert(key)
    }
  }

  // MARK: - At the end

  func finish(_ policies: [Policy]) {
    guard !hasFailed else { return }
    checkSettled()
    checkRows()
    checkPeople()
    checkUnavailable()
    checkFull(policies)
    checkLogStart()
  }

  private func checkSettled() {
    for person in world.people where !person.isGone && !person.isSatisfied {
      fail("I10: \(person.id) never got an answer")
    }
    for partition in 0..<SimKafka.partitions
    where world.database.nextOffsets[partition] != world.kafka.end(partition) {
      fail("I10: lag in partition \(partition)")
    }
  }

  private func checkRows() {
    let rows = world.database.coupons
    var perDay: [SetKey: Int] = [:]
    for (key, row) in rows {
      let holder = Holder(policyID: key.policyID, userID: key.userID, period: key.period)
      guard let truth = held[holder] else {
        fail("I6: a row for \(key.userID) that the log does not give")
        continue
      }
      if row.coupon.claim != truth.claim || row.coupon.rank != truth.rank {
        fail("I6: \(key.userID) has rank \(row.coupon.rank ?? 0) in the table, \(truth.rank) in the log")
      }
      if row.day != truth.claim.day { fail("I8: a row on another day than its event") }
      perDay[SetKey(policyID: key.policyID, day: row.day), default: 0] += 1
    }
    for (key, claims) in winners where perDay[key] ?? 0 != claims.count {
      fail("I6: \(perDay[key] ?? 0) rows for \(claims.count) winners on \(key.day)")
    }
    for (key, count) in perDay {
      if let policy = policies[key.policyID], count > policy.dailyQuota {
        fail("I1: \(count) rows on \(key.day)")
      }
      let counter = world.database.counters[PolicyDay(key.policyID, key.day)] ?? 0
      if counter != count { fail("I7: the counter says \(counter), there are \(count) rows") }
    }
    for (partition, offsets) in world.database.deadLetters.enumerated() {
      let poison = world.kafka.logs[partition].indices.filter {
        if case .failure(.poison) = world.kafka.logs[partition][$0].record { true } else { false }
      }
      if offsets != poison.map(Int64.init) { fail("I11: dead letters \(offsets) for \(poison)") }
    }
  }

  private func checkPeople() {
    var hopes: Set<Holder> = []
    for request in world.requests {
      guard let policy = policies[request.person.policyID], let day = request.day else { continue }
      let holder = Holder(policyID: policy.id, userID: request.person.id, period: policy.period(of: day))
      switch request.answer {
      case .created(let coupon), .existing(let coupon):
        hopes.insert(holder)
        let row = world.database.coupons[
          .init(policyID: policy.id, userID: request.person.id, period: policy.period(of: coupon.claim.day))]
        if row == nil { fail("I3: \(request.person.id) was told of a coupon and has no row") }
        if let row, coupon.rank == nil, row.coupon.claim != coupon.claim, case .created? = request.answer {
          fail("I3: \(request.person.id) was told of another coupon than the row's")
        }
      case .trouble, nil: hopes.insert(holder)
      case .soldOut, .notOpen, .noSuchPolicy: break
      }
    }
    for key in world.database.coupons.keys {
      let holder = Holder(policyID: key.policyID, userID: key.userID, period: key.period)
      if !hopes.contains(holder) { fail("I4, I5: \(key.userID) has a row and only refusals") }
    }
  }

  /// `unavailable` promises that nothing was done.
  private func checkUnavailable() {
    for request in world.requests {
      if case .trouble(.unavailable)? = request.answer, let id = request.eventID, inLog.contains(id) {
        fail("I4: \(request.person.id) heard unavailable, and the claim is in the log")
      }
    }
  }

  /// After healing more new people came than the quota.
  private func checkFull(_ policies: [Policy]) {
    for policy in policies {
      let key = SetKey(policyID: policy.id, day: world.today)
      let count = winners[key, default: []].count
      if count != policy.dailyQuota { fail("I10: \(count) of \(policy.dailyQuota) on the last day") }
      if haunted.contains(key) { world.race(.r21) }
    }
  }

  /// A reader that started now goes on with this log, and with no other.
  private func checkLogStart() {
    for partition in 0..<SimKafka.partitions {
      let end = world.kafka.end(partition)
      let hash: [UInt8]? = end > 0 ? [1] : nil
      let remembered = OffsetRow(
        partition: Int32(partition), nextOffset: world.database.nextOffsets[partition], firstHash: hash)
      let refused = [
        LogStart.Shown(low: 1, high: end, firstHash: hash),
        LogStart.Shown(low: 0, high: end - 1, firstHash: hash),
        LogStart.Shown(low: 0, high: end, firstHash: [2]),
      ]
      if let problem = LogStart.problem(of: .init(low: 0, high: end, firstHash: hash), remembered: remembered)
      {
        fail("the same log is refused: \(problem.explanation)")
      }
      guard end > 0 else { continue }
      if refused.contains(where: { LogStart.problem(of: $0, remembered: remembered) == nil }) {
        fail("another log is taken for this one")
      }
      world.race(.r20)
    }
  }
}
