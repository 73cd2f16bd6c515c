internal import EventLoop

/// The deadlines of many connections, by the slot that each has while it lives: one array that is looked
/// through now and then (10,000 of them in some microseconds), instead of a timer for each request.
struct DeadlineTable {
  private static let none = UInt64.max
  private var deadlines: [UInt64] = []
  private var free: [Int] = []

  /// Whether any deadline is set.
  var hasAny: Bool { deadlines.contains { $0 != Self.none } }

  mutating func takeSlot() -> Int {
    if let slot = free.popLast() { return slot }
    deadlines.append(Self.none)
    return deadlines.count - 1
  }

  mutating func giveBack(_ slot: Int) {
    deadlines[slot] = Self.none
    free.append(slot)
  }

  mutating func set(_ slot: Int, _ deadline: Instant) { deadlines[slot] = deadline.nanoseconds }
  mutating func clear(_ slot: Int) { deadlines[slot] = Self.none }

  /// The slots whose deadline has passed, which have none after that.
  mutating func takeDue(_ now: Instant) -> [Int] {
    var due: [Int] = []
    for slot in deadlines.indices where deadlines[slot] <= now.nanoseconds {
      deadlines[slot] = Self.none
      due.append(slot)
    }
    return due
  }
}
