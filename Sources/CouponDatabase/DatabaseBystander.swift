import Text
package import CouponAPI
package import CouponDomain
import CouponStore
package import EventLoop
package import Postgres

/// The bystander over the write database, the same in both architectures: each call is one statement.
@LoopActor
package final class DatabaseBystander: BystanderService {
  private static let allStays = PostgresStatement(
    "SELECT stay_id, name, city, rooms_left FROM stay ORDER BY stay_id LIMIT 100")

  private static let oneStay = PostgresStatement(
    "SELECT stay_id, name, city, rooms_left FROM stay WHERE stay_id = $1")

  /// The row's lock decides who gets the last room. One row reports whether the stay exists, and the booking.
  private static let bookRoom = PostgresStatement(
    """
    WITH taken AS (
      UPDATE stay SET rooms_left = rooms_left - 1 WHERE stay_id = $1 AND rooms_left > 0 RETURNING stay_id
    ), booked AS (
      INSERT INTO booking (stay_id, user_id) SELECT stay_id, $2 FROM taken RETURNING booking_id, booked_at
    )
    SELECT EXISTS (SELECT FROM stay WHERE stay_id = $1),
      (SELECT booking_id FROM booked), (SELECT booked_at FROM booked)
    """, readsOnly: false)

  private let pool: PostgresPool
  private let mayUseTables: @LoopActor () -> Bool

  /// - Parameter mayUseTables: asked before every call; false while it is not known whose tables they are.
  package init(pool: PostgresPool, mayUseTables: @escaping @LoopActor () -> Bool = { true }) {
    (self.pool, self.mayUseTables) = (pool, mayUseTables)
  }

  package func stays(deadline: Instant) async -> BystanderAnswer<[Stay]> {
    guard mayUseTables() else { return .trouble(.tablesUnknown) }
    do {
      let rows = try await pool.query(Self.allStays, [], deadline: deadline)
      return .found(try (0..<rows.count).map { try stay(rows, $0) })
    } catch {
      return .trouble(ServiceTrouble(error))
    }
  }

  package func stay(_ id: Int64, deadline: Instant) async -> BystanderAnswer<Stay> {
    guard mayUseTables() else { return .trouble(.tablesUnknown) }
    do {
      let rows = try await pool.query(Self.oneStay, [.int(id)], deadline: deadline)
      return rows.count == 0 ? .notFound : .found(try stay(rows, 0))
    } catch {
      return .trouble(ServiceTrouble(error))
    }
  }

  package func book(stay id: Int64, by user: UserID, deadline: Instant) async -> BystanderAnswer<Booking> {
    guard mayUseTables() else { return .trouble(.tablesUnknown) }
    do {
      let rows = try await pool.query(
        Self.bookRoom, [.int(id), .text(user.description)], deadline: deadline)
      guard rows.bool(0, 0) == true else { return .notFound }
      guard let booking = rows.int(0, 1), let bookedAt = rows.timestamp(0, 2) else { return .full }
      return .found(
        Booking(id: booking, stayID: id, userID: user, bookedAt: Timestamp(microseconds: bookedAt)))
    } catch {
      return .trouble(ServiceTrouble(error))
    }
  }

  private func stay(_ rows: PostgresRows, _ row: Int) throws(SchemaError) -> Stay {
    guard let id = rows.int(row, 0), let name = rows.text(row, 1), let city = rows.text(row, 2),
      let left = rows.int(row, 3)
    else { throw .corruptRow(table: "stay") }
    return Stay(id: id, name: name, city: city, roomsLeft: Int(left))
  }
}
