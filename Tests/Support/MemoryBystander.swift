import Operations
package import CouponAPI
package import CouponDomain
import CouponStore
package import EventLoop

/// Stays and bookings in memory.
@LoopActor
package final class MemoryBystander: BystanderService {
  private var stays: [Int64: Stay]
  private var bookings: Int64 = 0

  package init(_ stays: [Stay]) { self.stays = Dictionary(stays.map { ($0.id, $0) }) { $1 } }

  package func stays(deadline: Instant) async -> BystanderAnswer<[Stay]> {
    .found(stays.values.sorted { $0.id < $1.id })
  }

  package func stay(_ id: Int64, deadline: Instant) async -> BystanderAnswer<Stay> {
    stays[id].map { .found($0) } ?? .notFound
  }

  package func book(stay id: Int64, by user: UserID, deadline: Instant) async -> BystanderAnswer<Booking> {
    guard let stay = stays[id] else { return .notFound }
    guard stay.roomsLeft > 0 else { return .full }
    stays[id] = Stay(id: id, name: stay.name, city: stay.city, roomsLeft: stay.roomsLeft - 1)
    bookings += 1
    return .found(Booking(id: bookings, stayID: id, userID: user, bookedAt: SystemClock().now()))
  }
}
