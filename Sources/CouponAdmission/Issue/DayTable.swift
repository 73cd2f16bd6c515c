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

  private var days: [People] = []
  private var indicesByPolicy: [PolicyID: [Int]] = [:]
  private var latest = 0

  subscript(index: Int) -> People {
    get { days[index] }
    _modify { yield &days[index] }
  }

  /// Where the day is kept; a day keeps its index for good.
  mutating func index(of policyID: PolicyID, on day: Day) -> Int {
    if latest < days.count, days[latest].day == day, days[latest].policyID == policyID { return latest }
    if let known = indicesByPolicy[policyID]?.first(where: { days[$0].day == day }) {
      latest = known
    } else {
      latest = days.count
      days.append(People(policyID: policyID, day: day))
      indicesByPolicy[policyID, default: []].append(latest)
    }
    return latest
  }

  /// The days of a policy, in the order of their first requests.
  mutating func indices(of policyID: PolicyID) -> [Int] { indicesByPolicy[policyID] ?? [] }
}
