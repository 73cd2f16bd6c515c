package import CouponDomain
package import Text

/// Everything that the clients of one run saw: the first of the ledgers that `lab verify` compares.
package struct History: Hashable, Sendable {
  package var run: RunFacts
  /// In the order in which they ended.
  package var requests: [RequestRecord] = []
  /// The coupons of the answers 200 and 201, in order; a request points here.
  package private(set) var coupons: [SeenCoupon] = []
  /// Of the generator that recorded this; empty in what was read from a file.
  package var generator = GeneratorRecord()

  package init(run: RunFacts) { self.run = run }

  package mutating func append(_ request: RequestRecord, coupon: SeenCoupon? = nil) {
    var request = request
    if let coupon {
      request.coupon = Int32(coupons.count)
      coupons.append(coupon)
    }
    requests.append(request)
  }

  /// The coupon in the answer to a request.
  package func coupon(of request: RequestRecord) -> SeenCoupon? {
    request.coupon < 0 ? nil : coupons[Int(request.coupon)]
  }

  /// When each winner first held their coupon, in order; some learn of it only when they ask again.
  package var wonAt: [UInt32] {
    var first: [UInt32: UInt32] = [:]
    for request in requests where request.call == .coupon && request.outcome.isOK {
      first[request.person] = min(first[request.person] ?? .max, request.answered)
    }
    return first.values.sorted()
  }

  /// The moment on the wall clock of a time in a record.
  package func moment(_ microseconds: UInt32) -> Timestamp {
    Timestamp(microseconds: run.startedAt.microseconds + Int64(microseconds))
  }
}

/// What a run was: enough to judge its history without asking a server.
package struct RunFacts: Hashable, Sendable {
  package var architecture: Architecture
  /// What `COUPON_STRATEGY` said.
  package var strategy: String
  package var policyID: PolicyID
  package var seed: UInt64
  package var people: Int
  /// The people are called by this and their number, unless `names` says otherwise.
  package var namePrefix: String
  /// Names given by another generator, by number; empty for histories of `lab load`.
  package var names: [String] = []
  /// The wall clock at microsecond 0 of the records.
  package var startedAt: Timestamp
  /// When the crowd was let in, in microseconds since the start.
  package var openedAfter: Int64
  /// The servers' `REQUEST_DEADLINE_MS`.
  package var deadlineMilliseconds: Int
  /// The laboratory of the servers, as in `LabState.id`; empty where unknown.
  package var laboratory: String
  /// When the generator itself did not run, in microseconds since the start, in order.
  package var stalls: [Range<Int64>] = []
  /// When the last request had ended; nil in a history that does not say whether it is whole.
  package var end: RunEnd?

  package init(
    architecture: Architecture, strategy: String, policyID: PolicyID, seed: UInt64, people: Int,
    namePrefix: String, startedAt: Timestamp, openedAfter: Int64, deadlineMilliseconds: Int,
    laboratory: String = ""
  ) {
    (self.architecture, self.strategy, self.policyID, self.seed) = (architecture, strategy, policyID, seed)
    (self.people, self.namePrefix, self.startedAt) = (people, namePrefix, startedAt)
    (self.openedAfter, self.deadlineMilliseconds) = (openedAfter, deadlineMilliseconds)
    self.laboratory = laboratory
  }

  /// How far the wall clock moved against the monotonic one during the run, in microseconds; nil without an end.
  package var clockDrift: Int64? {
    end.map { $0.at.microseconds - startedAt.microseconds - $0.after }
  }

  /// Moves the run to another clock.
  package mutating func moveClock(byMicroseconds shift: Int64) {
    startedAt = Timestamp(microseconds: startedAt.microseconds + shift)
    end = end.map { RunEnd(after: $0.after, at: Timestamp(microseconds: $0.at.microseconds + shift)) }
  }

  package func name(of person: UInt32) -> String {
    names.isEmpty ? namePrefix + String(person) : names[Int(person)]
  }
}

/// The end of a run by both clocks: where the wall clock was set meanwhile, its times cannot be judged.
package struct RunEnd: Hashable, Sendable {
  /// Microseconds since the start, by the monotonic clock.
  package let after: Int64
  /// The wall clock at that moment.
  package let at: Timestamp

  package init(after: Int64, at: Timestamp) { (self.after, self.at) = (after, at) }
}

/// The two that are compared.
package enum Architecture: String, Hashable, Sendable, CaseIterable {
  case monolith, eda

  /// What decides where `COUPON_STRATEGY` says nothing.
  package var defaultStrategy: String { self == .monolith ? "for-update" : "log" }
}

/// One request: 32 bytes, so that a run of a million requests fits in little memory. Times are microseconds since
/// the start of the run (a run is shorter than 70 minutes).
package struct RequestRecord: Hashable, Sendable {
  package var call: Call
  package var outcome: Outcome
  /// 1 for the person's first request.
  package var attempt: UInt8
  package var person: UInt32
  /// When the schedule wanted it sent; latency counts from here.
  package var due: UInt32
  /// When a connection took it; where none did, when that was given up.
  package var sent: UInt32
  package var answered: UInt32
  /// Which of the history's coupons was in the answer; −1: none.
  fileprivate(set) var coupon: Int32 = -1

  package init(
    call: Call, outcome: Outcome, attempt: UInt8, person: UInt32, due: UInt32, sent: UInt32, answered: UInt32
  ) {
    (self.call, self.outcome, self.attempt, self.person) = (call, outcome, attempt, person)
    (self.due, self.sent, self.answered) = (due, sent, answered)
  }

  /// Microseconds from the time it was due to its end.
  package var latency: Int64 { Int64(answered) - Int64(due) }
}

/// A coupon as an answer showed it.
package struct SeenCoupon: Hashable, Sendable {
  package let couponID: CouponID
  package let rank: Int?
  /// Nil where only the id was noted: the day is that of the row with this id, and nil where there is no such row.
  package let day: Day?
  /// Nil where only the id was noted.
  package let issuedAt: Timestamp?

  package init(couponID: CouponID, rank: Int?, day: Day?, issuedAt: Timestamp?) {
    (self.couponID, self.rank, self.day, self.issuedAt) = (couponID, rank, day, issuedAt)
  }
}
