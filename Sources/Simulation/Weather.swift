/// What can go wrong in a schedule, in percent of the cases. Each schedule draws its own; healing clears it.
package struct Weather: Hashable, Sendable {
  // Redis: one call in a hundred …
  var requestLost = 0
  var answerLost = 0
  var appliedLate = 0
  var aborted = 0
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

  static let fine = Weather()

  /// Its storms, one by one: what shrinking takes away.
  static let storms: [any WritableKeyPath<Weather, Int> & Sendable] = [
    \.requestLost, \.answerLost, \.appliedLate, \.aborted, \.queueFull, \.notPersisted, \.reportLost,
    \.appendedAfterReport, \.neverAppended, \.duplicated, \.poison, \.commitLost, \.commitUnknown, \.apiDies,
    \.apiStops, \.workerDies, \.responseLost,
  ]

  /// Storms of one or several kinds, so that both single faults and their combinations come up.
  static func draw(_ dice: inout Dice) -> Weather {
    var weather = Weather()
    let redis = dice.chance(50), kafka = dice.chance(60), database = dice.chance(40)
    if redis {
      weather.requestLost = dice.pick([0, 5, 20])
      weather.answerLost = dice.pick([0, 10, 30])
      weather.appliedLate = dice.pick([0, 10, 30])
      weather.aborted = dice.pick([0, 0, 15])
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
    weather.workerDies = dice.pick([0, 0, 5])
    weather.responseLost = dice.pick([0, 0, 15])
    weather.tailDelay = dice.pick([4, 15, 60, 800])
    return weather
  }
}

/// A kind of weather that every schedule of a run has, whatever else it draws.
package enum Climate: String, CaseIterable, Sendable {
  case lostAnswers = "lost-answers"
  case late
  case deaths
  case stops
  case redisTail = "redis-tail"
  case databaseBack = "database-back"
  case zombie
  case twoAPIs = "two-apis"
  case midnight
  case untrueReports = "untrue-reports"
  /// Both partitions have a policy, and change hands while both are written.
  case bothPartitions = "both-partitions"
  case calm

  func change(_ plan: inout Plan, _ dice: inout Dice) {
    func add(_ kind: Disaster.Kind) {
      for _ in 0..<3 {
        plan.disasters.append(
          Disaster(
            kind: kind, at: dice.within(0...(plan.healsAt - 500)), length: dice.pick([50, 400, 2_500]),
            choice: dice.within(0...20)))
      }
    }
    switch self {
    case .lostAnswers:
      (plan.weather.answerLost, plan.weather.responseLost) = (30, 15)
      (plan.weather.reportLost, plan.weather.commitUnknown) = (30, 30)
    case .late: (plan.weather.appliedLate, plan.weather.appendedAfterReport) = (40, 40)
    case .deaths: (plan.weather.apiDies, plan.weather.workerDies) = (6, 6)
    case .stops: plan.weather.apiStops = 6
    case .redisTail: add(.killRedis)
    case .databaseBack: add(.databaseBack)
    case .zombie: add(.stopWorker)
    case .twoAPIs: plan.apis = 2
    case .midnight:
      // Soon, with claims of yesterday that arrive late.
      plan.midnight = dice.within(800...3_500)
      (plan.weather.appendedAfterReport, plan.weather.apiStops) = (20, 4)
    case .untrueReports: (plan.weather.reportLost, plan.weather.neverAppended) = (40, 10)
    case .bothPartitions:
      if plan.policies.count < 2 { plan.policies.append(plan.policies[0]) }
      (plan.weather.commitLost, plan.weather.commitUnknown) = (15, 15)
      add(.stopWorker)
      // They come when a worker is stopped, and when it comes back and its partitions are on their way.
      for index in plan.visitors.indices {
        let stop = plan.disasters[plan.disasters.count - 1 - index % 3]
        plan.visitors[index].policy = index % 2
        let moment = stop.at + (index % 4 < 2 ? stop.length : -40) + dice.within(0...60)
        plan.visitors[index].comesAt = max(0, min(plan.healsAt - 100, moment))
      }
    case .calm: (plan.weather, plan.disasters) = (.fine, [])
    }
  }
}

/// The races that the protocol has to survive, R1–R21 of the design; a run counts in how many schedules each was
/// provoked in the product.
package enum Race: Int, CaseIterable, Comparable, Sendable {
  /// EXEC ok, then a crash: a slot leaks.
  case r1 = 1
  /// EXEC times out and is applied later: a ghost.
  case r2
  /// Published, the report is lost, more people than the quota are in the log.
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
  /// The worker dies between its COMMIT and Kafka's.
  case r11
  /// COMMIT unknown.
  case r12
  /// Admitted before midnight, in the log after it.
  case r13
  /// Poison in a batch.
  case r14
  /// A report that arrives after the request was answered.
  case r15
  /// A winner comes again when the set is full.
  case r16
  /// Once in the event: yesterday's winner comes today.
  case r17
  /// Kafka is away when Redis has admitted the quota.
  case r18
  /// An API starts, or a policy is created, while the database is away.
  case r19
  /// A worker meets a log that is another one than the database remembers, or whose beginning is gone: it refuses.
  case r20
  /// Everybody whom Redis admitted has left: the day fills with others.
  case r21
  /// R11's other half: a worker that was stopped comes back with messages that another has applied.
  case r11Zombie
  /// R17's other half: a late event of yesterday behind one of today.
  case r17Late
  /// The database went back in time.
  case databaseBack
  /// A batch was folded over one whose COMMIT failed, or has no known outcome.
  case foldedAhead
  /// Two partitions' COMMITs of one worker were on their way at once.
  case together
  /// One of them failed, or has no known outcome.
  case oneOfTwoFails
  /// The partitions were taken away while two were written.
  case takenFromTwo

  package static func < (a: Race, b: Race) -> Bool { a.rawValue < b.rawValue }
}
