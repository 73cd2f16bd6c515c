internal import EventLoop

/// The deadlines of many connections, by the slot that each holds while it lives: one array that is scanned periodically
/// (10,000 entries take some microseconds), instead of a timer a request.
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

  /// Removes the deadlines that have passed; returns their slots.
  mutating func takeDue(_ now: Instant) -> [Int] {
    var due: [Int] = []
    for slot in deadlines.indices where deadlines[slot] <= now.nanoseconds {
      deadlines[slot] = Self.none
      due.append(slot)
    }
    return due
  }
}
