import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import Kafka
import Text

/// Watches one schedule from outside: what the people heard, what the log holds, what the tables hold.
///
/// What the log comes to is worked out here anew, without the product's fold: the first `quota` people of a day who
/// hold nothing.
@LoopActor
final class Checker {
  private unowned let world: World
  private(set) var violations: [String] = []
  private var policies: [PolicyID: Policy] = [:]
  /// The log's outcome so far.
  private var winners: [PolicyDay: [CouponClaim]] = [:]
  private var held: [PersonPeriod: (claim: CouponClaim, rank: Int)] = [:]
  /// When the requests were taken whose claims are in the log.
  private var inLog: Set<Timestamp> = []
  private var claimants: [PolicyDay: Set<UserID>] = [:]
  private var published: [PolicyDay: Set<UserID>] = [:]
  private var unreported: Set<PolicyDay> = []
  private var lastDay: [PolicyID: Day] = [:]
  /// Days that only ghosts keep shut when the schedule heals.
  private var haunted: Set<PolicyDay> = []

  init(_ world: World) { self.world = world }

  private var isRanked: Bool { world.mutant?.strategy == nil }
  var hasFailed: Bool { !violations.isEmpty }

  func fail(_ text: String) {
    violations.append(text)
    world.tell("WRONG: \(text)")
  }

  // MARK: - As it happens

  func created(_ policy: Policy) {
    if policies[policy.id] != policy { fail("I3: policy \(policy.id) was promised and is not in the log") }
  }

  func appended(_ message: KafkaMessage) {
    world.tell("the log: partition \(message.partition), offset \(message.offset): \(Checker.words(message))")
    switch LogCodec.read(message.value) {
    case .success(.policyCreated(let created)):
      if policies[created.policy.id] == nil { policies[created.policy.id] = created.policy }
    case .success(.claim(let claim)): appended(claim, in: Int(message.partition))
    case .failure: break
    }
  }

  private static func words(_ message: KafkaMessage) -> String {
    switch LogCodec.read(message.value) {
    case .success(.policyCreated(let created)): "policy \(created.policy.id)"
    case .success(.claim(let claim)): "claim of \(claim.userID) on \(claim.day)"
    case .failure: "poison"
    }
  }

  private func appended(_ claim: CouponClaim, in partition: Int) {
    inLog.insert(claim.issuedAt)
    guard let policy = policies[claim.policyID], SimKafka.partition(of: policy.id) == partition,
      claim.couponID == World.key.couponID(of: claim.userID, on: claim.day, policy)
    else { return }
    let day = PolicyDay(claim.policyID, claim.day)
    claimants[day, default: []].insert(claim.userID)
    if claimants[day, default: []].count > policy.dailyQuota, unreported.contains(day) { world.race(.r3) }
    if claim.day < world.today { world.race(.r13) }
    if policy.perPerson == .once, let last = lastDay[policy.id], claim.day < last { world.race(.r17Late) }
    lastDay[policy.id] = claim.day
    let holder = PersonPeriod(policy.id, claim.userID, policy.period(of: claim.day))
    guard held[holder] == nil, winners[day, default: []].count < policy.dailyQuota else { return }
    winners[day, default: []].append(claim)
    held[holder] = (claim, winners[day, default: []].count)
  }

  func published(_ value: [UInt8]) {
    guard case .success(.claim(let claim)) = LogCodec.read(value) else { return }
    published[PolicyDay(claim.policyID, claim.day), default: []].insert(claim.userID)
    world.request(issuedAt: claim.issuedAt)?.isPublished = true
  }

  func reportWasLost(_ value: [UInt8]) {
    guard case .success(.claim(let claim)) = LogCodec.read(value) else { return }
    let day = PolicyDay(claim.policyID, claim.day)
    unreported.insert(day)
    if let policy = policies[claim.policyID], claimants[day, default: []].count > policy.dailyQuota {
      world.race(.r3)
    }
  }

  func noteGate(_ request: SimRequest, count: Int) {
    guard let day = request.day, let policy = policies[request.person.policyID], count >= policy.dailyQuota
    else { return }
    let key = PolicyDay(policy.id, day)
    if published[key, default: []].count < policy.dailyQuota { world.race(.r7) }
    if world.kafka.isDown, winners[key, default: []].count < policy.dailyQuota { world.race(.r18) }
  }

  /// The server's side of an answer: true at the moment it is given.
  func answered(_ request: SimRequest, _ answer: IssueAnswer, by api: SimAPI) {
    if world.now > request.deadline + 500, api.life?.wasStopped == false {
      fail("I12: \(request.person.id) was answered \(world.now - request.deadline) ms after the deadline")
    }
    let person = request.person
    switch answer {
    case .created(let coupon):
      if coupon.claim.issuedAt != request.time { fail("201 for another's claim: \(person.id)") }
      if !world.isOpen(request.time) { fail("I15: \(person.id) got a coupon outside the hours") }
      checkCoupon(coupon, request)
      if request.wasMember, person.hadFailedDelivery { world.race(.r6) }
      if person.hadLostRemoval { world.race(.r5) }
    case .existing(let coupon):
      if coupon.claim.issuedAt == request.time { fail("200 for the request's own claim: \(person.id)") }
      checkCoupon(coupon, request)
      noteRetry(coupon, request)
    case .soldOut: checkSoldOut(request)
    case .notOpen: if world.isOpen(request.time) { fail("403 for \(person.id) inside the hours") }
    case .noSuchPolicy, .trouble: break
    }
  }

  private func checkSoldOut(_ request: SimRequest) {
    let person = request.person.id
    guard let day = request.day, let policy = policies[request.person.policyID] else {
      return fail("sold out without a day")
    }
    // A full list has every winner of its day in it.
    if let won = held[PersonPeriod(policy.id, person, policy.period(of: day))], won.claim.day == day {
      fail("I5: \(person) heard sold out and has rank \(won.rank)")
    }
    let count = winners[PolicyDay(policy.id, day), default: []].count
    if count < policy.dailyQuota { fail("I14: \(person) heard sold out at \(count) of \(policy.dailyQuota)") }
  }

  /// A coupon that anybody hears of is in the log, with its rank.
  private func checkCoupon(_ coupon: Coupon, _ request: SimRequest) {
    let (claim, person) = (coupon.claim, request.person.id)
    guard let policy = policies[claim.policyID] else { return fail("a coupon of no policy") }
    if claim.userID != person { fail("\(person) heard of somebody else's coupon") }
    guard let truth = held[PersonPeriod(policy.id, claim.userID, policy.period(of: claim.day))] else {
      // Where Redis decides the row may still come: the end shows.
      if coupon.rank != nil { fail("I3: \(person) heard of a coupon that is not in the log") }
      return
    }
    if let rank = coupon.rank, rank != truth.rank || claim != truth.claim {
      fail("\(person) heard of rank \(rank) instead of \(truth.rank)")
    }
  }

  private func noteRetry(_ coupon: Coupon, _ request: SimRequest) {
    guard let policy = policies[coupon.claim.policyID], let day = request.day else { return }
    let key = Names.issuedUsers(of: policy.id, on: coupon.claim.day)
    if world.redis.count(key) >= policy.dailyQuota { world.race(.r16) }
    if policy.perPerson == .once, coupon.claim.day < day { world.race(.r17) }
  }

  func committedToGroup(_ offset: Int64, _ partition: Int) {
    // A database that went back has less than the group was told.
    guard !world.races.contains(.databaseBack) else { return }
    if offset > world.database.nextOffset(partition) {
      fail("I9: \(offset) is committed, \(world.database.nextOffset(partition)) applied")
    }
  }

  /// Whether only people who are gone hold the last slots.
  func noteGhosts(_ policy: Policy) {
    let day = PolicyDay(policy.id, world.today)
    let gone = Set(world.people.filter(\.isGone).map(\.id.description))
    let members = world.redis.members(Names.issuedUsers(of: policy.id, on: world.today))
    let won = Set(winners[day, default: []].map(\.userID.description))
    let idle = members.filter { !won.contains($0) }
    if members.count >= policy.dailyQuota, !idle.isEmpty, idle.allSatisfy(gone.contains) {
      haunted.insert(day)
    }
  }

  // MARK: - At the end

  func finish(_ policies: [Policy]) {
    guard !hasFailed else { return }
    checkSettled()
    checkRows()
    checkPeople()
    checkFull(policies)
  }

  private func checkSettled() {
    for person in world.people where !person.isDone {
      fail("I10: \(person.id) never got an answer")
    }
    for api in world.apis where api.life?.isAlive == true {
      for (_, request) in api.waiting.sorted(by: { $0.key < $1.key })
      where world.now > request.deadline + 500 {
        fail("I12: \(request.person.id) is never answered")
      }
    }
    for partition in 0..<SimKafka.partitions {
      let (next, end) = (world.database.nextOffset(partition), world.kafka.end(partition))
      if next != end { fail("I10: lag in partition \(partition): \(next) of \(end)") }
    }
  }

  private func checkRows() {
    let tables = world.database.tables
    var perDay: [PolicyDay: Int] = [:]
    let rows = tables.coupons.sorted { ($0.key.policyID, $0.key.userID) < ($1.key.policyID, $1.key.userID) }
    for (key, coupon) in rows {
      perDay[PolicyDay(key.policyID, coupon.claim.day), default: 0] += 1
      // Where Redis decides there are no ranks, and the log does not say who wins.
      guard isRanked else { continue }
      guard let truth = held[key] else {
        fail("I6: a row for \(key.userID) that the log does not give")
        continue
      }
      if coupon.claim != truth.claim || coupon.rank != truth.rank {
        fail("I6: \(key.userID) has rank \(coupon.rank ?? 0) in the table, \(truth.rank) in the log")
      }
    }
    for (day, claims) in winners where isRanked && perDay[day] ?? 0 != claims.count {
      fail("I6: \(perDay[day] ?? 0) rows for \(claims.count) winners on \(day.day)")
    }
    for (day, count) in perDay {
      if let policy = policies[day.policyID], count > policy.dailyQuota {
        fail("I1: \(count) rows on \(day.day), the quota is \(policy.dailyQuota)")
      }
      let counter = tables.counters[day]
      if counter != count { fail("I7: the counter says \(counter ?? -1), there are \(count) rows") }
    }
    for policy in policies.values where tables.policies[policy.id] != policy {
      fail("I4: policy \(policy.id) is in the log and not in the tables")
    }
    for (partition, log) in world.kafka.logs.enumerated() {
      var known: Set<PolicyID> = []
      let dead = log.filter { message in
        switch LogCodec.read(message.value) {
        case .success(.policyCreated(let created)):
          known.insert(created.policy.id)
          return SimKafka.partition(of: created.policy.id) != partition
        case .success(.claim(let claim)):
          guard let policy = policies[claim.policyID], known.contains(policy.id) else { return true }
          return claim.couponID != World.key.couponID(of: claim.userID, on: claim.day, policy)
        case .failure: return true
        }
      }
      let letters = tables.deadLetters[Int32(partition)] ?? []
      if letters != dead.map(\.offset) { fail("I11: dead letters \(letters) for \(dead.map(\.offset))") }
    }
  }

  private func checkPeople() {
    let rows = world.database.tables.coupons
    var hopes: Set<PersonPeriod> = []
    for request in world.requests {
      guard let policy = policies[request.person.policyID], let day = request.day else { continue }
      let person = request.person.id
      switch request.answer {
      case .created(let coupon), .existing(let coupon):
        hopes.insert(PersonPeriod(policy.id, person, policy.period(of: day)))
        let row = rows[PersonPeriod(policy.id, person, policy.period(of: coupon.claim.day))]
        if row == nil { fail("I3: \(person) was told of a coupon and has no row") }
        if let row, coupon.rank == nil, row.claim != coupon.claim, case .created? = request.answer {
          fail("I3: \(person) was told of another coupon than the row's")
        }
      case .trouble(.unavailable):
        hopes.insert(PersonPeriod(policy.id, person, policy.period(of: day)))
        // It promises that nothing was done.
        if inLog.contains(request.time) {
          fail("I4: \(person) heard unavailable, and the claim is in the log")
        }
      case .trouble, nil: hopes.insert(PersonPeriod(policy.id, person, policy.period(of: day)))
      case .soldOut, .notOpen, .noSuchPolicy: break
      }
    }
    for key in rows.keys where !hopes.contains(key) { fail("I5: \(key.userID) has a row and only refusals") }
  }

  /// After healing more new people came than the quota.
  private func checkFull(_ policies: [Policy]) {
    guard isRanked else { return }
    for policy in policies {
      let day = PolicyDay(policy.id, world.today)
      let count = winners[day, default: []].count
      if count != policy.dailyQuota { fail("I10: \(count) of \(policy.dailyQuota) on the last day") }
      if haunted.contains(day) { world.race(.r21) }
    }
  }
}
