import EventLoop
import HTTP
package import History

/// The rest of the platform while the crowd is there: a steady Poisson stream of reads and a few bookings.
package struct BystanderSchedule: Sendable {
  /// One request of a visitor who wants no coupon.
  package struct Visit: Hashable, Sendable {
    package let call: Call
    /// Which visitor; each comes again and again.
    package let person: Int
    /// Which stay, counted from 0.
    package let stay: Int
    /// Microseconds since the stream began.
    package let due: Int64
  }

  package static let visitors = 1_000

  private let requestsPerSecond: Double
  private let stays: Int
  private var random: Randomness
  private var clock = 0.0

  /// `stays`: how many there are to look at.
  package init(requestsPerSecond: Double, stays: Int, seed: UInt64) {
    (self.requestsPerSecond, self.stays) = (requestsPerSecond, max(stays, 1))
    random = Randomness(seed: seed, stream: 2)
  }

  /// The next visit; the stream has no end.
  package mutating func next() -> Visit {
    clock += random.exponential() / requestsPerSecond
    let kind = random.unit()
    let call: Call = kind < 0.5 ? .stays : kind < 0.85 ? .stay : .booking
    return Visit(
      call: call, person: random.integer(below: BystanderSchedule.visitors),
      stay: random.integer(below: stays), due: Int64(clock * 1_000_000))
  }

  /// The requests of a run for these stays, in order.
  static func requests(perSecond: Double, stays: [Int64], seed: UInt64) -> @LoopActor () -> SideStream.Request
  {
    var schedule = BystanderSchedule(requestsPerSecond: perSecond, stays: stays.count, seed: seed)
    return {
      let visit = schedule.next()
      let path =
        switch visit.call {
        case .stay: "/v1/stays/\(stays[visit.stay])"
        case .booking: "/v1/stays/\(stays[visit.stay])/bookings"
        case .stays, .coupon, .mine, .late: "/v1/stays"
        }
      return SideStream.Request(
        call: visit.call, person: UInt32(visit.person), due: visit.due,
        wire: HTTPRequest(
          visit.call == .booking ? .post : .get, path, headers: [("X-User-Id", "visitor-\(visit.person)")]),
        outcome: OutcomeReader.bystander)
    }
  }
}
