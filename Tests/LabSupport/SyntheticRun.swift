package import CouponDomain
package import History
import Testing
package import Text
package import Verify

/// A small run without a fault, in both architectures, for tests to plant one breach each.
///
/// Twelve people want five coupons: p0…p4 win in that order, p5 is told "outcome unknown" twice (and has nothing), the others hear "sold out". Message 3 of
/// the log is poison; p7's claim lies behind the winners'.
package struct SyntheticRun {
  package static let quota = 5
  package static let start = Timestamp(microseconds: 1_738_288_800_000_000)
  package var evidence: Evidence

  package static let opening = 1_000_000

  package init(_ architecture: Architecture, perPerson: PerPerson = .once) throws {
    let day = try unwrap(Day("2025-01-31"))
    let policy = try Policy(
      id: try unwrap(PolicyID(7)), name: "test", startsOn: day, endsOn: day.advanced(by: 2),
      opensAt: try unwrap(TimeOfDay("10:00")), timeZone: "Asia/Seoul", dailyQuota: SyntheticRun.quota,
      perPerson: perPerson)
    let strategy = architecture == .eda ? "log" : "for-update"
    let run = RunFacts(
      architecture: architecture, strategy: strategy, policyID: policy.id, seed: 1, people: 12,
      namePrefix: "p", startedAt: SyntheticRun.start, openedAfter: Int64(SyntheticRun.opening),
      deadlineMilliseconds: 2_000)
    var history = History(run: run)
    history.run.end = RunEnd(
      after: 60_000_000, at: Timestamp(microseconds: SyntheticRun.start.microseconds + 60_000_000))
    var rows: [DatabaseEvidence.CouponRow] = []
    var events: [DatabaseEvidence.EventRow] = []
    let recorded = Timestamp(microseconds: SyntheticRun.start.microseconds + 1_900_000)
    for person in 0..<5 {
      let claim = try SyntheticRun.claim(person, day: day)
      history.append(
        SyntheticRun.request(person, .created, at: 2_000_000 + person * 1_000),
        coupon: SeenCoupon(couponID: claim.couponID, rank: person + 1, day: day, issuedAt: claim.issuedAt))
      rows.append(.init(coupon: Coupon(claim: claim, rank: person + 1), period: policy.period(of: day)))
      events.append(
        .init(sequence: Int64(person + 2), rank: person + 1, content: .claim(claim), recordedAt: recorded))
    }
    events.insert(.init(sequence: 1, rank: nil, content: .policy(policy), recordedAt: recorded), at: 0)
    history.append(SyntheticRun.request(5, .unknown, at: 2_100_000))
    history.append(SyntheticRun.request(5, .unknown, at: 2_600_000, attempt: 2))
    for person in 6..<12 { history.append(SyntheticRun.request(person, .soldOut, at: 3_000_000)) }
    var days: [Day: DatabaseEvidence.DayRow] = [:]
    for number in policy.startsOn.number...policy.endsOn.number {
      days[Day(number: number)] = .init(quota: SyntheticRun.quota, issued: number == day.number ? 5 : 0)
    }
    let database = DatabaseEvidence(
      policy: policy, coupons: rows, events: events, days: days,
      applied: architecture == .eda ? [0: 8] : [:],
      deadLetters: architecture == .eda ? [.init(partition: 0, offset: 3)] : [], ranksAreUnique: true)
    evidence = Evidence(
      architecture: architecture, strategy: strategy, policy: policy, histories: [history],
      log: architecture == .eda ? try SyntheticRun.log(rows.map(\.coupon.claim), policy) : nil,
      database: database, gate: nil, settling: Settling(lag: 0, seconds: 0.3))
  }

  /// Its policy with another quota, or another opening.
  package func policy(quota: Int? = nil, opensAt: TimeOfDay? = nil) throws -> Policy {
    let old = evidence.policy
    return try Policy(
      id: old.id, name: old.name, startsOn: old.startsOn, endsOn: old.endsOn,
      opensAt: opensAt ?? old.opensAt, timeZone: old.timeZone, dailyQuota: quota ?? old.dailyQuota,
      perPerson: old.perPerson)
  }

  /// The same run of another policy, in each ledger.
  package mutating func replacePolicy(_ policy: Policy) {
    (evidence.policy, evidence.database.policy) = (policy, policy)
    evidence.log?.policy = policy
    for index in evidence.database.events.indices {
      if case .policy = evidence.database.events[index].content {
        evidence.database.events[index].content = .policy(policy)
      }
    }
    for day in evidence.database.days.keys { evidence.database.days[day]?.quota = policy.dailyQuota }
  }

  /// `policy_day.issued` of the first day.
  package var issued: Int {
    get { evidence.database.days[evidence.policy.startsOn]?.issued ?? 0 }
    set { evidence.database.days[evidence.policy.startsOn]?.issued = newValue }
  }

  package static func claim(_ person: Int, day: Day) throws -> CouponClaim {
    CouponClaim(
      eventID: EventID(high: 1, low: UInt64(person)), couponID: CouponID(high: 2, low: UInt64(person)),
      policyID: try unwrap(PolicyID(7)), userID: try unwrap(UserID("p\(person)")), day: day,
      issuedAt: Timestamp(microseconds: start.microseconds + 1_500_000 + Int64(person)))
  }

  package static func request(_ person: Int, _ outcome: Outcome, at answered: Int, attempt: UInt8 = 1)
    -> RequestRecord
  {
    RequestRecord(
      call: .coupon, outcome: outcome, attempt: attempt, person: UInt32(person),
      due: UInt32(answered - 5_000), sent: UInt32(answered - 4_000), answered: UInt32(answered))
  }

  private static func log(_ winners: [CouponClaim], _ policy: Policy) throws -> LogEvidence {
    var contents = [LogEvidence.Message.Content.other] + winners.map { .claim($0) }
    contents.insert(.poison("not JSON"), at: 3)
    contents.append(.claim(try claim(7, day: policy.startsOn)))
    let messages = contents.enumerated().map { offset, content in
      LogEvidence.Message(
        partition: 0, offset: Int64(offset),
        appendedAt: Timestamp(microseconds: start.microseconds + 1_600_000 + Int64(offset)), content: content)
    }
    return LogEvidence(messages: messages, committed: [0: 6], policy: policy)
  }

  /// The same run under a strategy without ranks.
  package func whereRedisDecides() -> SyntheticRun {
    var run = self
    run.evidence.strategy = "redis-lua"
    run.evidence.database.ranksAreUnique = false
    for index in run.evidence.histories.indices { run.evidence.histories[index].run.strategy = "redis-lua" }
    for index in run.evidence.database.coupons.indices {
      let claim = run.evidence.database.coupons[index].coupon.claim
      run.evidence.database.coupons[index].coupon = Coupon(claim: claim, rank: nil)
    }
    for index in run.evidence.database.events.indices { run.evidence.database.events[index].rank = nil }
    run.mapRequests { request, coupon in
      (
        request,
        coupon.map { SeenCoupon(couponID: $0.couponID, rank: nil, day: $0.day, issuedAt: $0.issuedAt) }
      )
    }
    return run
  }

  /// The same run with other ends of the requests, or without some; its people are those who are left.
  package mutating func mapRequests(_ change: (RequestRecord, SeenCoupon?) -> (RequestRecord, SeenCoupon?)?) {
    evidence.histories = evidence.histories.map { old in
      var new = History(run: old.run)
      for request in old.requests {
        if let (request, coupon) = change(request, old.coupon(of: request)) {
          new.append(request, coupon: coupon)
        }
      }
      new.run.people = Set(new.requests.map(\.person)).count
      return new
    }
  }

  /// The same run earlier or later: everything that was seen, said and written.
  package mutating func moveClock(byMicroseconds shift: Int64) {
    func moved(_ time: Timestamp) -> Timestamp { Timestamp(microseconds: time.microseconds + shift) }
    func moved(_ claim: CouponClaim) -> CouponClaim {
      CouponClaim(
        eventID: claim.eventID, couponID: claim.couponID, policyID: claim.policyID, userID: claim.userID,
        day: claim.day, issuedAt: moved(claim.issuedAt))
    }
    evidence.moveServersClock(byMicroseconds: shift)
    for index in evidence.database.coupons.indices {
      let coupon = evidence.database.coupons[index].coupon
      evidence.database.coupons[index].coupon = Coupon(claim: moved(coupon.claim), rank: coupon.rank)
    }
    for index in evidence.database.events.indices {
      guard let claim = evidence.database.events[index].claim else { continue }
      evidence.database.events[index].content = .claim(moved(claim))
    }
    if let log = evidence.log {
      evidence.log?.messages = log.messages.map { message in
        guard case .claim(let claim) = message.content else { return message }
        return .init(
          partition: message.partition, offset: message.offset, appendedAt: message.appendedAt,
          content: .claim(moved(claim)))
      }
    }
    mapRequests { request, coupon in
      (
        request,
        coupon.map {
          SeenCoupon(couponID: $0.couponID, rank: $0.rank, day: $0.day, issuedAt: $0.issuedAt.map(moved))
        }
      )
    }
    for index in evidence.histories.indices {
      evidence.histories[index].run.moveClock(byMicroseconds: shift)
    }
  }

  package func verdict(_ invariant: Invariant) throws -> Finding {
    try unwrap(Verification(checking: evidence).findings.first { $0.invariant == invariant })
  }
}

package struct Missing: Error {
  package init() {}
}

package func unwrap<T>(_ value: T?) throws -> T {
  guard let value else { throw Missing() }
  return value
}
