internal import CouponDomain
internal import EventLoop
internal import Text

/// The attempts of one process, found by person, by ticket and by age.
///
/// Slots are reused; the two queues may name slots that have moved on, which their generation or caller shows.
struct AttemptTable {
  private struct Due {
    let slot: Int
    let caller: CallerID
  }

  private struct End {
    let slot: Int
    let generation: UInt32
  }

  /// How many requests may wait in one attempt: with thousands of connections of one person each search among them would
  /// take long.
  static let maxCallers = 64

  private let messageTimeout: Duration
  /// Those that are not `isTaken` hold what was. Not optionals: what is read of one would be copied out first.
  private var slots: [Attempt] = []
  private var isTaken: [Bool] = []
  private var generations: [UInt32] = []
  private var free: [Int] = []
  private var days = DayTable()
  private var count = 0
  private var deadlines = DueQueue<Due>()
  private var ends = DueQueue<End>()

  init(messageTimeout: Duration) { self.messageTimeout = messageTimeout }

  // MARK: - Finding

  @inline(__always) var isEmpty: Bool { count == 0 }

  mutating func slot(of visit: Visit) -> Int? {
    let index = days.index(of: visit.policyID, on: visit.day)
    return days[index].people[visit.userID]
  }

  func isPublished(_ slot: Int) -> Bool { slots[slot].isPublished }

  func isPublished(_ slot: Int, now: Instant) -> Bool { isPublished(slot) && isJoinable(slot, now: now) }

  func isJoinable(_ slot: Int, now: Instant) -> Bool { now < slots[slot].joinableUntil }

  func hasRoom(_ slot: Int) -> Bool { slots[slot].callers.count < AttemptTable.maxCallers }

  private subscript(slot: Int) -> Attempt {
    precondition(isTaken[slot], "no attempt in slot \(slot)")
    return slots[slot]
  }

  // MARK: - Making and joining

  /// A new attempt that waits for the list to fill.
  mutating func open(_ visit: Visit) {
    let slot = insert(visit, .waitingForFullList, isOwnMember: false)
    wait(in: slot, visit)
  }

  /// A new attempt, or a new publishing of one that waited or grew too old.
  mutating func publish(_ visit: Visit, over known: Int?, isOwnMember: Bool) -> PublishTicket {
    let stage = Attempt.Stage.published(eventID: visit.eventID, maker: visit.caller)
    let slot: Int
    if let known {
      slot = known
      generations[slot] &+= 1
      slots[slot].generation = generations[slot]
      slots[slot].stage = stage
      slots[slot].isOwnMember = isOwnMember
      slots[slot].joinableUntil = visit.deadline + messageTimeout
      scheduleEnd(of: slot)
    } else {
      slot = insert(visit, stage, isOwnMember: isOwnMember)
    }
    wait(in: slot, visit)
    return PublishTicket(slot: slot, generation: generations[slot])
  }

  mutating func join(_ known: Int?, _ visit: Visit, addsMember: Bool) {
    guard let slot = known else { preconditionFailure("nothing to join") }
    if addsMember { ownMember(slot) }
    wait(in: slot, visit)
  }

  mutating func ownMember(_ slot: Int) { slots[slot].isOwnMember = true }

  private mutating func insert(_ visit: Visit, _ stage: Attempt.Stage, isOwnMember: Bool) -> Int {
    let slot = free.popLast() ?? slots.count
    if slot == slots.count { generations.append(0) }
    generations[slot] &+= 1
    let dayIndex = days.index(of: visit.policyID, on: visit.day)
    let attempt = Attempt(
      policyID: visit.policyID, day: visit.day, userID: visit.userID, dayIndex: dayIndex, stage: stage,
      isOwnMember: isOwnMember, joinableUntil: visit.deadline + messageTimeout, callers: Few(),
      generation: generations[slot])
    if slot == slots.count {
      slots.append(attempt)
      isTaken.append(true)
    } else {
      slots[slot] = attempt
      isTaken[slot] = true
    }
    let previous = days.add(visit.userID, slot: slot, at: dayIndex)
    precondition(previous == nil, "two attempts for one person")
    count += 1
    scheduleEnd(of: slot)
    return slot
  }

  private mutating func wait(in slot: Int, _ visit: Visit) {
    slots[slot].callers.append(Attempt.Caller(id: visit.caller, deadline: visit.deadline))
    dropSettled()
    deadlines.add(Due(slot: slot, caller: visit.caller), at: visit.deadline)
  }

  private mutating func scheduleEnd(of slot: Int) {
    ends.add(End(slot: slot, generation: generations[slot]), at: slots[slot].joinableUntil)
  }

  // MARK: - Ending

  /// Takes the attempts that a coupon of this person settles: of its day, or of every day where a person gets one in all.
  mutating func take(of user: UserID, day: Day, policy: Policy, _ body: (Attempt) -> Void) {
    guard policy.perPerson == .once else {
      if let slot = days.remove(user, at: days.index(of: policy.id, on: day)) { body(vacate(slot)) }
      return
    }
    var found = Few<Int>()
    days.remove(user, of: policy.id) { found.append($0) }
    found.forEach { body(vacate($0)) }
  }

  /// Names every attempt of a day.
  mutating func tickets(policyID: PolicyID, day: Day) -> [PublishTicket] {
    let index = days.index(of: policyID, on: day)
    // In the order of the slots: a dictionary's own order would differ from run to run.
    return days[index].people.values.sorted().map {
      PublishTicket(slot: $0, generation: generations[$0])
    }
  }

  /// The attempt of that very name, if it is still there and was not published anew.
  mutating func take(_ ticket: PublishTicket) -> Attempt? {
    guard isTaken[ticket.slot], slots[ticket.slot].generation == ticket.generation else { return nil }
    return take(ticket.slot)
  }

  private mutating func take(_ slot: Int) -> Attempt {
    let attempt = vacate(slot)
    _ = days.remove(attempt.userID, at: attempt.dayIndex)
    return attempt
  }

  private mutating func vacate(_ slot: Int) -> Attempt {
    let attempt = self[slot]
    isTaken[slot] = false
    free.append(slot)
    count -= 1
    return attempt
  }

  // MARK: - Time

  @inline(__always) var nextDue: Instant? {
    switch (deadlines.first?.at, ends.first?.at) {
    case (let deadline?, let end?): min(deadline, end)
    case (let deadline?, nil): deadline
    case (nil, let end?): end
    case (nil, nil): nil
    }
  }

  /// Takes out the requests whose deadline has come, at most so many.
  mutating func dueCallers(now: Instant, atMost limit: Int) -> [(caller: CallerID, isPublished: Bool)] {
    var due: [(caller: CallerID, isPublished: Bool)] = []
    while due.count < limit, let (moment, first) = deadlines.first, moment <= now {
      deadlines.removeFirst()
      guard isTaken[first.slot],
        slots[first.slot].callers.removeFirst(where: { $0.id == first.caller }) != nil
      else { continue }
      due.append((first.caller, isPublished(first.slot)))
    }
    return due
  }

  /// Forgets attempts that are too old to be joined and have no callers; none while a caller whose deadline has passed
  /// is still to be taken out.
  mutating func forget(now: Instant) {
    if let next = deadlines.first?.at, next <= now { return }
    while let (moment, first) = ends.first, moment <= now {
      ends.removeFirst()
      guard isUnderWay(first) else { continue }
      if slots[first.slot].callers.isEmpty {
        _ = take(first.slot)
      } else if let last = slots[first.slot].callers.last {
        ends.add(first, at: last.deadline)
      }
    }
  }

  /// Keeps the queues as short as what is really under way.
  private mutating func dropSettled() {
    while let due = deadlines.first?.element, !isWaiting(due) { deadlines.removeFirst() }
    while let end = ends.first?.element, !isUnderWay(end) { ends.removeFirst() }
  }

  private func isUnderWay(_ end: End) -> Bool {
    isTaken[end.slot] && slots[end.slot].generation == end.generation
  }

  private func isWaiting(_ due: Due) -> Bool {
    isTaken[due.slot] && slots[due.slot].callers.contains { $0.id == due.caller }
  }
}

extension Attempt {
  /// Whether this coupon is the event that `caller` published.
  func made(_ coupon: Coupon, by caller: CallerID) -> Bool {
    guard case .published(let eventID, let maker) = stage else { return false }
    return eventID == coupon.claim.eventID && maker == caller
  }
}
