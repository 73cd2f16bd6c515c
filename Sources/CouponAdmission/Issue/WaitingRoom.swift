package import CouponAPI
package import CouponDomain
package import EventLoop
package import Text

/// A request that the list alone could not answer.
package struct Visit: Sendable {
  package let caller: CallerID
  package let policyID: PolicyID
  package let day: Day
  package let userID: UserID
  /// The event's id, should this request publish one.
  package let eventID: EventID
  package let deadline: Instant

  package init(
    caller: CallerID, policyID: PolicyID, day: Day, userID: UserID, eventID: EventID, deadline: Instant
  ) {
    (self.caller, self.policyID, self.day, self.userID) = (caller, policyID, day, userID)
    (self.eventID, self.deadline) = (eventID, deadline)
  }
}

/// What to do now that the gate has replied.
package struct GateStep: Sendable {
  package enum Next: Sendable {
    case answer(IssueAnswer)
    /// Publish the visit's claim under this ticket; the answer comes with the list.
    case publish(PublishTicket)
    /// The answer comes with the list.
    case wait
  }

  package let next: Next
  /// Send `SREM` for this person: once, without waiting for the result.
  package let removesMember: Bool
}

/// One waiting request and its answer.
package struct CallerAnswer: Sendable {
  package let caller: CallerID
  package let answer: IssueAnswer
}

/// What to do about a delivery report that names an error.
package struct DeliveryStep: Sendable {
  package let answers: [CallerAnswer]
  /// Send `SREM` for this person, once.
  package let removesMember: Member?

  package struct Member: Hashable, Sendable {
    package let policyID: PolicyID
    package let day: Day
    package let userID: UserID
  }
}

/// How sure a delivery error is.
package enum DeliveryProblem: Hashable, Sendable {
  /// The message is not in the log and never will be.
  case notPersisted
  /// It is not known; the message may also arrive later.
  case possiblyPersisted
}

/// The requests that wait for the log in this process, and what the process does for them.
///
/// Pure: time, ids and what the list says come in, what is to be done goes out. What is asked for every request is inlined:
/// a call on a property of a class works on a copy of it, which counts a reference for each of the tables in it.
package struct WaitingRoom {
  /// How many requests are answered in one turn, more or less: where more wait, the rest comes in the next one.
  package static let answersATurn = 1_024

  /// How many requests may wait at once.
  package let capacity: Int
  /// Requests between the gate's question and their answer.
  package private(set) var waiting = 0

  var attempts: AttemptTable
  /// Attempts of days that are full, whose callers are still to be told.
  private var soldOut = Deque<PublishTicket>()

  /// - Parameter messageTimeout: how long after its publishing a claim may go unreported.
  package init(capacity: Int, messageTimeout: Duration) {
    self.capacity = capacity
    attempts = AttemptTable(messageTimeout: messageTimeout)
  }

  /// Takes a request in, before the gate is asked for it; false when the room is full.
  package mutating func enter() -> Bool {
    guard waiting < capacity else { return false }
    waiting += 1
    return true
  }

  /// The gate replied to a request that entered. `refusal` is what the list says of the person by now.
  package mutating func gateAnswered(
    _ reply: GateReply, for visit: Visit, refusal: Refusal?, now: Instant
  ) -> GateStep {
    if let refusal { return settled(refusal, reply) }
    switch reply {
    case .notAsked: return answer(.trouble(.unavailable(reason: Reason.gateUnavailable)))
    case .unknown: return answer(.trouble(.outcomeUnknown(reason: Reason.gateUnanswered)))
    case .admitted, .beyondQuota, .member:
      return now < visit.deadline ? proceed(reply, visit, now) : tooLate(reply, visit)
    }
  }

  /// The list took a winner in. `dayIsFull` says whether the day has no rank left after it: then those who wait for that
  /// day are answered, as many as a turn allows; while `hasMoreAnswers`, call `moreAnswers` in the next turn.
  package mutating func issued(_ coupon: Coupon, under policy: Policy, dayIsFull: Bool) -> Few<CallerAnswer> {
    var answers = Few<CallerAnswer>()
    attempts.take(of: coupon.claim.userID, day: coupon.claim.day, policy: policy) { attempt in
      attempt.callers.forEach { caller in
        answers.append(
          CallerAnswer(
            caller: caller.id,
            answer: attempt.made(coupon, by: caller.id) ? .created(coupon) : .existing(coupon)))
      }
    }
    leave(answers.count)
    guard dayIsFull else { return answers }
    for ticket in attempts.tickets(policyID: policy.id, day: coupon.claim.day) { soldOut.append(ticket) }
    for answer in moreAnswers() { answers.append(answer) }
    return answers
  }

  @inline(__always) package var hasMoreAnswers: Bool { !soldOut.isEmpty }

  /// Goes on telling people that their day is full. Callers whose deadline came in between have been answered already.
  package mutating func moreAnswers() -> [CallerAnswer] {
    var answers: [CallerAnswer] = []
    while answers.count < WaitingRoom.answersATurn, let ticket = soldOut.popFirst() {
      for caller in attempts.take(ticket)?.callers ?? Few() {
        answers.append(CallerAnswer(caller: caller.id, answer: .soldOut))
      }
    }
    leave(answers.count)
    return answers
  }

  /// A publishing failed. A report that comes late, or for an attempt that has ended, changes nothing.
  package mutating func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem) -> DeliveryStep {
    guard let attempt = attempts.take(ticket) else { return DeliveryStep(answers: [], removesMember: nil) }
    let trouble: ServiceTrouble
    var member: DeliveryStep.Member?
    switch problem {
    case .notPersisted:
      trouble = .unavailable(reason: Reason.logUnavailable)
      if attempt.isOwnMember {
        member = .init(policyID: attempt.policyID, day: attempt.day, userID: attempt.userID)
      }
    case .possiblyPersisted:
      trouble = .outcomeUnknown(reason: Reason.logUnanswered)
    }
    leave(attempt.callers.count)
    return DeliveryStep(
      answers: attempt.callers.map { CallerAnswer(caller: $0.id, answer: .trouble(trouble)) },
      removesMember: member)
  }

  /// Answers callers whose deadline has come, as many as a turn allows, and forgets attempts that are too old to be
  /// joined. While `nextSweep` has passed there is more to do.
  package mutating func sweep(now: Instant) -> [CallerAnswer] {
    let answers = attempts.dueCallers(now: now, atMost: WaitingRoom.answersATurn).map { caller, isPublished in
      CallerAnswer(
        caller: caller,
        answer: .trouble(
          isPublished
            ? .outcomeUnknown(reason: Reason.logLate) : .unavailable(reason: Reason.noRoomYet)))
    }
    attempts.forget(now: now)
    leave(answers.count)
    return answers
  }

  /// Whether no request waits and nothing is under way.
  @inline(__always) package var isEmpty: Bool { waiting == 0 && attempts.isEmpty }

  /// When `sweep` has something to do next.
  @inline(__always) package var nextSweep: Instant? { attempts.nextDue }

  // MARK: - The gate's cases

  private mutating func proceed(_ reply: GateReply, _ visit: Visit, _ now: Instant) -> GateStep {
    let known = attempts.slot(of: visit)
    let isPublished = known.map { attempts.isPublished($0, now: now) } ?? false
    if let known, !attempts.hasRoom(known), let step = turnAway(reply, from: known, isPublished, now) {
      return step
    }
    switch reply {
    case .admitted where isPublished, .beyondQuota where isPublished:
      // The set has forgotten a person whose claim is on its way.
      attempts.join(known, visit, addsMember: true)
      return GateStep(next: .wait, removesMember: false)
    case .admitted:
      return publish(visit, over: known, isOwnMember: true)
    case .member:
      if let known, attempts.isJoinable(known, now: now) {
        attempts.join(known, visit, addsMember: false)
        return GateStep(next: .wait, removesMember: false)
      }
      return publish(visit, over: known, isOwnMember: false)
    case .beyondQuota:
      if known != nil {
        attempts.join(known, visit, addsMember: false)
      } else {
        attempts.open(visit)
      }
      return GateStep(next: .wait, removesMember: true)
    case .notAsked, .unknown:
      preconditionFailure("the gate did not answer")
    }
  }

  /// Too many wait for this person already; nil where this request would publish, which it still may.
  private mutating func turnAway(
    _ reply: GateReply, from known: Int, _ isPublished: Bool, _ now: Instant
  ) -> GateStep? {
    let full = IssueAnswer.trouble(.unavailable(reason: Reason.waitingRoomFull))
    switch reply {
    case .admitted where isPublished, .beyondQuota where isPublished:
      attempts.ownMember(known)
      return answer(full)
    case .beyondQuota: return answer(full, removesMember: true)
    case .member where attempts.isJoinable(known, now: now): return answer(full)
    case .admitted, .member, .notAsked, .unknown: return nil
    }
  }

  private mutating func publish(_ visit: Visit, over known: Int?, isOwnMember: Bool) -> GateStep {
    let ticket = attempts.publish(visit, over: known, isOwnMember: isOwnMember)
    return GateStep(next: .publish(ticket), removesMember: false)
  }

  /// The list knows by now.
  private mutating func settled(_ refusal: Refusal, _ reply: GateReply) -> GateStep {
    switch refusal {
    case .alreadyIssued(let coupon): return answer(.existing(coupon))
    case .soldOut:
      return answer(.soldOut, removesMember: reply == .admitted || reply == .beyondQuota)
    case .notOpen: preconditionFailure("the hours were judged before the gate was asked")
    }
  }

  /// Nothing is published after the deadline: the person would not hear of the coupon.
  private mutating func tooLate(_ reply: GateReply, _ visit: Visit) -> GateStep {
    if let known = attempts.slot(of: visit), attempts.isPublished(known) {
      if reply != .member { attempts.ownMember(known) }
      return answer(.trouble(.outcomeUnknown(reason: Reason.logLate)))
    }
    return answer(.trouble(.unavailable(reason: Reason.gateLate)), removesMember: reply != .member)
  }

  private mutating func answer(_ answer: IssueAnswer, removesMember: Bool = false) -> GateStep {
    leave(1)
    return GateStep(next: .answer(answer), removesMember: removesMember)
  }

  private mutating func leave(_ count: Int) {
    precondition(count <= waiting, "a request was answered twice")
    waiting -= count
  }
}

/// The reasons that answers of 503 give; constants, so that they can be counted.
package enum Reason {
  package static let gateUnavailable = "The admission gate cannot take requests now."
  package static let gateUnanswered = "The admission gate did not answer in time."
  package static let gateLate = "The admission gate answered too late."
  package static let logUnavailable = "The log cannot be reached."
  package static let logUnanswered = "The log did not confirm what was sent to it."
  package static let logLate = "The claim was not read back in time."
  package static let noRoomYet = "All slots are taken, and not yet all by winners."
  package static let waitingRoomFull = "Too many requests wait."
  package static let unknownZone = "The policy's time zone is unknown here."
  package static let cutOff = "The log has not answered lately, so what is not known here may exist."
  package static let catchingUp = "The log is being read."
  package static let stopped = "The log cannot be read on; what this program has logged says why."
}
