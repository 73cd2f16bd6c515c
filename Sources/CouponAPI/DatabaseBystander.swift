package import CouponDomain
import CouponStore
package import EventLoop
package import Postgres
import Text

/// The bystander over the write database, the same in both architectures.
@LoopActor
package final class DatabaseBystander: BystanderService {
  private let store: BystanderStore

  package init(pool: PostgresPool) { store = BystanderStore(pool) }

  package func stays(deadline: Instant) async -> BystanderAnswer<[Stay]> {
    do {
      return .found(try await store.stays(deadline: deadline).map(Stay.init))
    } catch {
      return .trouble(ServiceTrouble(error))
    }
  }

  package func stay(_ id: Int64, deadline: Instant) async -> BystanderAnswer<Stay> {
    do {
      return try await store.stay(id, deadline: deadline).map { .found(Stay($0)) } ?? .notFound
    } catch {
      return .trouble(ServiceTrouble(error))
    }
  }

  package func book(stay id: Int64, by user: UserID, deadline: Instant) async -> BystanderAnswer<Booking> {
    do {
      switch try await store.book(stay: id, by: user, deadline: deadline) {
      case .booked(let row):
        return .found(Booking(id: row.id, stayID: row.stayID, userID: row.userID, bookedAt: row.bookedAt))
      case .full: return .full
      case .noSuchStay: return .notFound
      }
    } catch {
      return .trouble(ServiceTrouble(error))
    }
  }
}

extension Stay {
  fileprivate init(_ row: StayRow) {
    self.init(id: row.id, name: row.name, city: row.city, roomsLeft: row.roomsLeft)
  }
}
