internal import CouponDomain
internal import Text

/// The people of each policy's day who have an attempt. Requests come for one day after the other: the latest is found
/// without a look-up.
struct DayTable {
  struct People {
    let policyID: PolicyID
    let day: Day
    /// The attempts' slots.
    var people: [UserID: Int] = [:]
  }

  /// A table that had room for more people than this is given back when the last of them leaves.
  private static let keptCapacity = 1_024

  private var days: [People] = []
  private var free: [Int] = []
  /// Of each policy the places of its days, in the order of their first requests.
  private var indices: [[Int]] = []
  private var policies = PolicyPlaces()
  private var latest = 0

  subscript(index: Int) -> People { days[index] }

  /// The slot that the person had before, which is one too many.
  mutating func add(_ user: UserID, slot: Int, at index: Int) -> Int? {
    days[index].people.updateValue(slot, forKey: user)
  }

  /// The slot that the person had.
  mutating func remove(_ user: UserID, at index: Int) -> Int? {
    let slot = days[index].people.removeValue(forKey: user)
    if days[index].people.isEmpty, days[index].people.capacity > DayTable.keptCapacity {
      days[index].people = [:]
    }
    return slot
  }

  /// Where the day is kept; a day keeps its index while somebody has an attempt on it.
  mutating func index(of policyID: PolicyID, on day: Day) -> Int {
    if latest < days.count, days[latest].day == day, days[latest].policyID == policyID { return latest }
    let row = row(of: policyID)
    if let known = indices[row].first(where: { days[$0].day == day }) {
      latest = known
    } else {
      dropEmptyDays(of: row)
      latest = place(People(policyID: policyID, day: day))
      indices[row].append(latest)
    }
    return latest
  }

  private mutating func row(of policyID: PolicyID) -> Int {
    if let row = policies[policyID] { return row }
    policies.set(policyID, to: indices.count)
    indices.append([])
    return indices.count - 1
  }

  private mutating func place(_ day: People) -> Int {
    guard let index = free.popLast() else {
      days.append(day)
      return days.count - 1
    }
    days[index] = day
    return index
  }

  /// A policy's next day begins: of those before, only the ones stay on which somebody still has an attempt.
  private mutating func dropEmptyDays(of row: Int) {
    let isEmpty = { [days] (index: Int) in days[index].people.isEmpty }
    free += indices[row].filter(isEmpty)
    indices[row].removeAll(where: isEmpty)
  }

  /// The slots that the person had on any day of a policy.
  mutating func remove(_ user: UserID, of policyID: PolicyID, _ body: (Int) -> Void) {
    guard let row = policies[policyID] else { return }
    for place in 0..<indices[row].count {
      if let slot = remove(user, at: indices[row][place]) { body(slot) }
    }
  }
}
