import CouponDomain
import CouponCalendar
package import History
import Text
package import Verify

/// A right run of a random shape: some people come too early, some get no answer and come again, some come twice, over one
/// day or over midnight, for as many coupons as there are people, more, or fewer.
package struct GeneratedRun {
  package var evidence: Evidence
  package var random: SeededNumbers
  /// Microseconds of the history at which the policy opens, and at which its second day begins (nil: it has one day).
  package let opensAt: Int
  package let midnight: Int?

  private var history: History
  private let policy: Policy
  private var ledger: PolicyLedger
  private var claims: [(claim: CouponClaim, at: Timestamp)] = []
  private var wonAt: [CouponID: Timestamp] = [:]

  package init(_ architecture: Architecture, seed: UInt64) throws {
    random = SeededNumbers(seed: seed)
    let isOverMidnight = random.below(3) == 0
    let people = 4 + random.below(40)
    let quota = 1 + random.below(people + 4)
    let first = try unwrap(Day("2025-01-31"))
    // A policy over midnight is always open; another opens two seconds into the run. In UTC.
    opensAt = isOverMidnight ? 0 : 2_000_000
    midnight = isOverMidnight ? 4_000_000 : nil
    let opening = isOverMidnight ? 0 : 10 * 3_600
    policy = try Policy(
      id: try unwrap(PolicyID(7)), name: "generated", startsOn: first, endsOn: first.advanced(by: 2),
      opensAt: try unwrap(TimeOfDay(seconds: opening)), timeZone: "UTC", dailyQuota: quota,
      perPerson: random.below(2) == 0 ? .once : .daily)
    ledger = PolicyLedger(policy)
    let dayStart = Int64(first.number) * 86_400_000_000
    let start =
      isOverMidnight
      ? dayStart + 86_400_000_000 - 4_000_000 : dayStart + Int64(opening) * 1_000_000 - 2_000_000
    let strategy = architecture.defaultStrategy
    var run = RunFacts(
      architecture: architecture, strategy: strategy, policyID: policy.id, seed: seed, people: people,
      namePrefix: "p", startedAt: Timestamp(microseconds: start), openedAfter: Int64(opensAt),
      deadlineMilliseconds: 2_000)
    run.end = RunEnd(after: 60_000_000, at: Timestamp(microseconds: start + 60_000_000))
    history = History(run: run)
    let database = DatabaseEvidence(
      policy: policy, coupons: [], events: [], days: [:], applied: [:], deadLetters: [], ranksAreUnique: true)
    evidence = Evidence(
      architecture: architecture, strategy: strategy, policy: policy, histories: [], log: nil,
      database: database, gate: nil, settling: Settling(lag: 0, seconds: 0.2))
    for request in requests(of: people) { answer(request) }
    settle(people)
    try record()
    evidence.histories = [history]
  }

  // MARK: People

  private struct Asked {
    var person: Int
    var attempt: Int
    var sent: Int
    /// When the program decides, between departure and answer.
    var decided: Int
    var answered: Int
  }

  private mutating func ask(_ person: Int, _ attempt: Int, at sent: Int) -> Asked {
    let decided = sent + random.below(3_000)
    return Asked(
      person: person, attempt: attempt, sent: sent, decided: decided, answered: decided + random.below(3_000))
  }

  private mutating func requests(of people: Int) -> [Asked] {
    var all: [Asked] = []
    for person in 0..<people {
      if midnight == nil, random.below(4) == 0 {
        // Nobody who is told "not open" asks at the very moment of the opening.
        all.append(ask(person, 0, at: random.below(opensAt)))
      }
      all.append(
        ask(person, 1, at: max(opensAt, 10_000) + random.below(midnight == nil ? 4_000_000 : 8_000_000)))
      if random.below(5) == 0 { all.append(ask(person, 2, at: 9_000_000 + random.below(500_000))) }
    }
    return all.sorted { $0.decided < $1.decided }
  }

  /// Answers as the contract says, in the order of the decisions.
  private mutating func answer(_ asked: Asked) {
    var calendar = PolicyCalendar()
    let now = history.moment(UInt32(asked.decided))
    guard let window = try? calendar.window(of: policy, at: now),
      let user = UserID(history.run.name(of: UInt32(asked.person)))
    else { return }
    let day = window.day
    let held = ledger.coupon(of: user, on: day)
    // Some never hear what became of their request.
    let isLost = random.below(8) == 0
    if let held { return append(asked, isLost ? .unknown : .existing, held) }
    if case .closed = policy.hours(at: now, in: window) { return append(asked, .notOpen, nil) }
    if random.below(12) == 0 { return append(asked, .unavailable, nil) }
    let period = policy.perPerson == .once ? 0 : UInt64(day.number)
    let claim = CouponClaim(
      eventID: EventID(high: UInt64(claims.count), low: UInt64(asked.attempt)),
      couponID: CouponID(high: period, low: UInt64(asked.person)), policyID: policy.id, userID: user,
      day: day, issuedAt: now)
    switch ledger.apply(claim) {
    case .issued(let coupon):
      claims.append((claim, now))
      append(asked, isLost ? .timeout : .created, coupon)
    case .refused(.soldOut):
      // Some claims reach the log when the day is full already.
      if random.below(4) == 0 { claims.append((claim, now)) }
      append(asked, isLost ? .lost : .soldOut, nil)
    case .refused: append(asked, .unknown, nil)
    }
  }

  private mutating func append(_ asked: Asked, _ outcome: Outcome, _ coupon: Coupon?) {
    let seen = coupon.map {
      SeenCoupon(couponID: $0.claim.couponID, rank: $0.rank, day: $0.claim.day, issuedAt: $0.claim.issuedAt)
    }
    history.append(
      RequestRecord(
        call: .coupon, outcome: outcome, attempt: UInt8(asked.attempt), person: UInt32(asked.person),
        due: UInt32(asked.sent), sent: UInt32(asked.sent), answered: UInt32(asked.answered)),
      coupon: outcome.isOK ? seen : nil)
  }

  /// Whoever has no answer asks until there is one, so that the run can show whether the day fills.
  private mutating func settle(_ people: Int) {
    for person in 0..<people {
      var last: RequestRecord? { history.requests.last { $0.person == UInt32(person) } }
      var at = 12_000_000
      while let known = last, known.outcome.isUnknown || known.attempt == 0 {
        answer(Asked(person: person, attempt: 3, sent: at, decided: at + 500, answered: at + 900))
        at += 1_000_000
        if at > 50_000_000 { break }
      }
    }
    history.requests.sort { $0.answered < $1.answered }
  }

  // MARK: Ledgers

  private mutating func record() throws {
    var fold = PolicyLedger(policy)
    var rows: [DatabaseEvidence.CouponRow] = []
    var events: [DatabaseEvidence.EventRow] = [
      .init(sequence: 1, rank: nil, content: .policy(policy), recordedAt: history.run.startedAt)
    ]
    var contents: [(LogEvidence.Message.Content, Timestamp)] = [(.other, history.run.startedAt)]
    for (claim, at) in claims {
      contents.append((.claim(claim), at))
      guard case .issued(let coupon) = fold.apply(claim) else { continue }
      rows.append(.init(coupon: coupon, period: policy.period(of: claim.day)))
      events.append(
        .init(sequence: Int64(events.count + 1), rank: coupon.rank, content: .claim(claim), recordedAt: at))
    }
    var days: [Day: DatabaseEvidence.DayRow] = [:]
    for number in policy.startsOn.number...policy.endsOn.number {
      let day = Day(number: number)
      days[day] = .init(quota: policy.dailyQuota, issued: fold.issued(on: day))
    }
    var letters: [DatabaseEvidence.Position] = []
    if random.below(3) == 0 {
      letters.append(.init(partition: 0, offset: Int64(contents.count)))
      contents.append((.poison("not JSON"), history.run.startedAt))
    }
    evidence.database.coupons = rows
    evidence.database.events = events
    evidence.database.days = days
    guard evidence.architecture == .eda else { return }
    evidence.database.deadLetters = letters
    evidence.database.applied = [0: Int64(contents.count)]
    evidence.log = LogEvidence(
      messages: contents.enumerated().map { offset, content in
        .init(partition: 0, offset: Int64(offset), appendedAt: content.1, content: content.0)
      }, committed: [0: Int64(random.below(contents.count + 1))], policy: policy)
  }
}

/// Numbers that are the same for the same seed (SplitMix64).
package struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }
}
