package import CouponDomain
package import Text
package import History

/// All ledgers of one policy, as they were read after a run; none of them is the servers' word.
package struct Evidence: Sendable {
  package var architecture: Architecture
  package var strategy: String
  /// What the laboratory's program is set to decide by; nil where none of it runs.
  package var programStrategy: String?
  /// As its first event has it, in the log or, where there is none, in the events table.
  package var policy: Policy
  /// What the clients saw, one history a run.
  package var histories: [History]
  package var clients = ClientEvidence.timed
  /// How many of them, from the first on, belong to the planned load; the rest was sent after all faults. Nil: all.
  package var planned: Int?
  /// The topic; nil for the monolith.
  package var log: LogEvidence?
  package var database: DatabaseEvidence
  /// The fourth ledger: Redis' sets. It is shown, it proves nothing.
  package var gate: GateEvidence?
  package var settling: Settling
  package var faults: [FaultRecord]

  package init(
    architecture: Architecture, strategy: String, policy: Policy, histories: [History], log: LogEvidence?,
    database: DatabaseEvidence, gate: GateEvidence?, settling: Settling, faults: [FaultRecord] = []
  ) {
    (self.architecture, self.strategy, self.policy) = (architecture, strategy, policy)
    (self.histories, self.log, self.database, self.gate) = (histories, log, database, gate)
    (self.settling, self.faults) = (settling, faults)
  }

  /// Moves everything that was timed by the machine's clock to the programs' one under `CLOCK_OFFSET_MS`, by which coupons
  /// are issued.
  package mutating func moveToProgramsClock(byMicroseconds shift: Int64) {
    guard shift != 0 else { return }
    moveServersClock(byMicroseconds: shift)
    for index in histories.indices { histories[index].run.moveClock(byMicroseconds: shift) }
    for index in faults.indices {
      faults[index].from = Timestamp(microseconds: faults[index].from.microseconds + shift)
      faults[index].to = Timestamp(microseconds: faults[index].to.microseconds + shift)
    }
  }

  /// Moves the times in the log and the tables.
  package mutating func moveServersClock(byMicroseconds shift: Int64) {
    if let log {
      self.log?.messages = log.messages.map { message in
        .init(
          partition: message.partition, offset: message.offset,
          appendedAt: Timestamp(microseconds: message.appendedAt.microseconds + shift),
          content: message.content)
      }
    }
    for index in database.events.indices {
      database.events[index].recordedAt = Timestamp(
        microseconds: database.events[index].recordedAt.microseconds + shift)
    }
  }

  /// Whether the strategy decides an order and coupons have ranks.
  package var isRanked: Bool { architecture == .monolith || strategy == "log" }
}

extension Evidence {
  /// What is verified.
  package struct Subject: Hashable, Sendable {
    package var architecture: Architecture
    package var policyID: PolicyID
    /// What `COUPON_STRATEGY` said.
    package var strategy: String

    package init(architecture: Architecture, policyID: PolicyID, strategy: String) {
      (self.architecture, self.policyID, self.strategy) = (architecture, policyID, strategy)
    }
  }
}

/// How complete the evidence of the clients is.
package enum ClientEvidence: Hashable, Sendable {
  /// Every request with its times.
  case timed
  /// Who was answered what, without times.
  case untimed
  case none
}

/// What the topic holds.
package struct LogEvidence: Sendable {
  package struct Message: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
      /// A claim of the policy under test.
      case claim(CouponClaim)
      /// A valid message of another kind or policy.
      case other
      /// What every reader puts aside, with the reason.
      case poison(String)
    }

    package let partition: Int32
    package let offset: Int64
    package let appendedAt: Timestamp
    package let content: Content

    package init(partition: Int32, offset: Int64, appendedAt: Timestamp, content: Content) {
      (self.partition, self.offset) = (partition, offset)
      (self.appendedAt, self.content) = (appendedAt, content)
    }
  }

  /// Each partition in the order of its offsets.
  package var messages: [Message]
  /// What the worker's group has committed to Kafka, by partition; nil where that could not be read.
  package var committed: [Int32: Int64]?
  /// The policy under test as its first `PolicyCreated` has it; nil where there is none.
  package var policy: Policy?

  package init(messages: [Message], committed: [Int32: Int64]?, policy: Policy?) {
    (self.messages, self.committed, self.policy) = (messages, committed, policy)
  }
}

/// What the tables hold of the policy, and of the topic.
package struct DatabaseEvidence: Sendable {
  package struct CouponRow: Hashable, Sendable {
    package var coupon: Coupon
    /// The day of the row; the claim inside the coupon has it too.
    package var day: Day { coupon.claim.day }
    package var period: Day

    package init(coupon: Coupon, period: Day) { (self.coupon, self.period) = (coupon, period) }
  }

  package struct EventRow: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
      case claim(CouponClaim)
      case policy(Policy)
      /// The payload is none of these, for this reason.
      case unreadable(String)
    }

    package var sequence: Int64
    package var rank: Int?
    package var content: Content
    package var recordedAt: Timestamp
    /// Nil for another type of event.
    package var claim: CouponClaim? { if case .claim(let claim) = content { claim } else { nil } }

    package init(sequence: Int64, rank: Int?, content: Content, recordedAt: Timestamp) {
      (self.sequence, self.rank, self.content, self.recordedAt) = (sequence, rank, content, recordedAt)
    }
  }

  /// One row of `policy_day`.
  package struct DayRow: Hashable, Sendable {
    package var quota: Int
    package var issued: Int

    package init(quota: Int, issued: Int) { (self.quota, self.issued) = (quota, issued) }
  }

  package struct Position: Hashable, Sendable {
    package var partition: Int32
    package var offset: Int64

    package init(partition: Int32, offset: Int64) { (self.partition, self.offset) = (partition, offset) }
  }

  package var policy: Policy
  package var coupons: [CouponRow]
  package var events: [EventRow]
  /// `policy_day`.
  package var days: [Day: DayRow]
  /// `consumer_offset.next_offset` by partition.
  package var applied: [Int32: Int64]
  package var deadLetters: [Position]
  /// Whether the tables were made for a strategy that gives each coupon a rank of its own.
  package var ranksAreUnique: Bool

  package init(
    policy: Policy, coupons: [CouponRow], events: [EventRow], days: [Day: DayRow], applied: [Int32: Int64],
    deadLetters: [Position], ranksAreUnique: Bool
  ) {
    (self.policy, self.coupons, self.events, self.days) = (policy, coupons, events, days)
    (self.applied, self.deadLetters, self.ranksAreUnique) = (applied, deadLetters, ranksAreUnique)
  }
}

/// The members of Redis' sets, by day.
package struct GateEvidence: Sendable {
  package var members: [Day: Set<String>]

  package init(members: [Day: Set<String>]) { self.members = members }
}

/// How the wait for the projections ended.
package struct Settling: Hashable, Sendable {
  /// How long they are given.
  package static let limitSeconds = 60.0
  /// Messages that were not applied at the end.
  package var lag: Int64
  package var seconds: Double

  package init(lag: Int64, seconds: Double) { (self.lag, self.seconds) = (lag, seconds) }
}

/// One fault that was switched on during the run.
package struct FaultRecord: Hashable, Sendable {
  package enum Target: String, Hashable, Sendable { case database, redis, kafka, api, worker, coupons }

  package var name: String
  package var target: Target
  /// Whether the target could not decide anything while it lasted (stopped, killed, cut off).
  package var isOutage: Bool
  package var from: Timestamp
  package var to: Timestamp
  /// How often it has bitten; nil where it was not counted.
  package var bites: Int?

  package init(name: String, target: Target, isOutage: Bool, from: Timestamp, to: Timestamp, bites: Int?) {
    (self.name, self.target, self.isOutage) = (name, target, isOutage)
    (self.from, self.to, self.bites) = (from, to, bites)
  }
}
