/// What can go wrong in a schedule, in percent of the cases. Each schedule draws its own climate; healing clears it.
struct Weather {
  // Redis: one call in a hundred …
  var requestLost = 0
  var answerLost = 0
  var appliedLate = 0
  // Kafka: one message in a hundred …
  var queueFull = 0
  var notPersisted = 0
  var reportLost = 0
  var appendedAfterReport = 0
  var neverAppended = 0
  var duplicated = 0
  var poison = 0
  // PostgreSQL: one transaction in a hundred …
  var commitLost = 0
  var commitUnknown = 0
  // A process dies or is stopped at a crash point, in a hundred times that it passes one.
  var apiDies = 0
  var apiStops = 0
  var workerDies = 0
  // The way back to the people, and how slowly the log is read.
  var responseLost = 0
  var tailDelay = 15
  /// How many crashes, stops, wipes and outages are sown over the schedule.
  var disasters = 0

  static let fine = Weather()

  /// Storms of one or several kinds, so that both single faults and their combinations come up.
  static func draw(_ dice: inout Dice) -> Weather {
    var weather = Weather()
    let redis = dice.chance(50), kafka = dice.chance(60), database = dice.chance(40)
    if redis {
      weather.requestLost = dice.pick([0, 5, 20])
      weather.answerLost = dice.pick([0, 10, 30])
      weather.appliedLate = dice.pick([0, 10, 30])
    }
    if kafka {
      weather.queueFull = dice.pick([0, 0, 15])
      weather.notPersisted = dice.pick([0, 10, 30])
      weather.reportLost = dice.pick([0, 10, 30])
      weather.appendedAfterReport = dice.pick([0, 10, 30])
      weather.neverAppended = dice.pick([0, 10])
      weather.duplicated = dice.pick([0, 10, 30])
      weather.poison = dice.pick([0, 0, 10])
    }
    if database {
      weather.commitLost = dice.pick([0, 15])
      weather.commitUnknown = dice.pick([0, 30])
    }
    weather.apiDies = dice.pick([0, 0, 0, 4])
    weather.apiStops = dice.pick([0, 0, 0, 4])
    weather.workerDies = dice.pick([0, 0, 10])
    weather.responseLost = dice.pick([0, 0, 15])
    weather.tailDelay = dice.pick([4, 15, 60, 800])
    weather.disasters = dice.pick([0, 1, 2, 4, 8])
    return weather
  }
}

/// The races that the protocol has to survive, R1–R21 of the design; a run counts in how many schedules each occurred.
enum Race: Int, CaseIterable, Comparable {
  /// EXEC ok, then a crash: a slot leaks.
  case r1 = 1
  /// EXEC times out and is applied later: a ghost.
  case r2
  /// Published, the report is lost, more claims than the quota are in the log.
  case r3
  /// The message arrives after its report said that nobody knows.
  case r4
  /// SREM applied, its answer lost, the person comes again and wins.
  case r5
  /// A retry sees SADD 0 and wins while the first attempt failed.
  case r6
  /// Losers fill the set: SCARD says full, and fewer claims than the quota are anywhere.
  case r7
  /// Redis is wiped, or its tail is lost, after it had answered.
  case r8
  /// The API is stopped between EXEC and publishing, then resumed.
  case r9
  /// A process starts and reads to the log's end while messages are in flight.
  case r10
  /// The worker dies between its COMMIT and Kafka's; a zombie comes back with an old batch.
  case r11
  /// COMMIT unknown.
  case r12
  /// Admitted before midnight, in the log after it.
  case r13
  /// Poison at a batch's head.
  case r14
  /// A report that arrives after the request was answered.
  case r15
  /// A winner comes again when the set is full.
  case r16
  /// Once in the event: yesterday's winner comes today, or a late event of yesterday lies behind one of today.
  case r17
  /// Kafka is away when Redis has admitted the quota.
  case r18
  /// An API starts, or a policy is created, while the database is away.
  case r19
  /// The topic is another one than the database remembers, or its beginning is gone.
  case r20
  /// Everybody whom Redis admitted has left: the day fills with others.
  case r21
  /// R11's other half: a worker comes with a batch that another has applied.
  case r11Zombie
  /// R17's other half: a late event of yesterday behind one of today.
  case r17Late

  static func < (a: Race, b: Race) -> Bool { a.rawValue < b.rawValue }
}

/// A mistake that is planted on purpose: the checker must see it.
enum Mistake: CaseIterable {
  /// 201 on the delivery report, 409 on SCARD, SREM on every error: Redis decides.
  case redisDecidesRemovingOnAnyError
  /// The same, SREM only where the message is known not to be in the log.
  case redisDecidesRemovingOnNotPersisted
  /// 409 by SCARD instead of the list.
  case soldOutByCount
  /// SCARD looked at before SADD.
  case countLookedAtFirst
  /// The worker groups its batch by day.
  case workerByDay
  /// The consumer's offset is stored before the transaction, and believed.
  case automaticOffsets
  /// 201 as soon as Redis admits.
  case createdByGate
  /// Nobody reconciles.
  case noReconciliation
  /// A person who holds yesterday's coupon is not taken for a ghost of today's set.
  case ghostsByHolder
  /// A timeout of Redis is taken for a "no".
  case timeoutIsNo
  /// 503 `unavailable` at the deadline, and the claim is published all the same.
  case publishesAfterDeadline

  /// The invariants that it breaks.
  var shownBy: [String] {
    switch self {
    case .redisDecidesRemovingOnAnyError, .redisDecidesRemovingOnNotPersisted, .createdByGate: ["I3"]
    case .soldOutByCount, .timeoutIsNo: ["I14"]
    case .countLookedAtFirst: ["I5"]
    case .workerByDay: ["I6", "I3"]
    case .automaticOffsets: ["I9", "I6", "I3"]
    case .noReconciliation, .ghostsByHolder: ["I10"]
    case .publishesAfterDeadline: ["I4"]
    }
  }
}
