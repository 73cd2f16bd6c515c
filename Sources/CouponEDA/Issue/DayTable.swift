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
  private var placesByPolicy: [PolicyID: [Int]] = [:]
  private var latest = 0

  subscript(place: Int) -> People {
    get { days[place] }
    _modify { yield &days[place] }
  }

  /// Where the day is kept; a place stays a day's for good.
  mutating func place(_ policyID: PolicyID, _ day: Day) -> Int {
    if latest < days.count, days[latest].day == day, days[latest].policyID == policyID { return latest }
    if let known = placesByPolicy[policyID]?.first(where: { days[$0].day == day }) {
      latest = known
    } else {
      latest = days.count
      days.append(People(policyID: policyID, day: day))
      placesByPolicy[policyID, default: []].append(latest)
    }
    return latest
  }

  /// The days of a policy, in the order in which somebody came first.
  mutating func places(of policyID: PolicyID) -> [Int] { placesByPolicy[policyID] ?? [] }
}
