package import CouponDomain
package import EventLoop
package import Postgres
package import Text

/// A place to stay, as the bystander's table has it.
package struct StayRow: Hashable, Sendable {
  package let id: Int64
  package let name: String
  package let city: String
  package let roomsLeft: Int
}

package struct BookingRow: Hashable, Sendable {
  package let id: Int64
  package let stayID: Int64
  package let userID: UserID
  package let bookedAt: Timestamp
}

package enum BookingOutcome: Hashable, Sendable {
  case booked(BookingRow)
  case full
  case noSuchStay
}

/// The rest of the platform on the same write database: stays and bookings, each call one statement.
@LoopActor
package final class BystanderStore {
  private static let allStays = PostgresStatement(
    "SELECT stay_id, name, city, rooms_left FROM stay ORDER BY stay_id LIMIT 100")

  private static let oneStay = PostgresStatement(
    "SELECT stay_id, name, city, rooms_left FROM stay WHERE stay_id = $1")

  /// The row's own lock decides who gets the last room. One row says whether there is such a stay, and the
  /// booking.
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

  package init(_ pool: PostgresPool) { self.pool = pool }

  package func stays(deadline: Instant) async throws -> [StayRow] {
    let rows = try await pool.query(BystanderStore.allStays, [], deadline: deadline)
    return try (0..<rows.count).map { try read(rows, $0) }
  }

  /// Nil where there is no such stay.
  package func stay(_ id: Int64, deadline: Instant) async throws -> StayRow? {
    let rows = try await pool.query(BystanderStore.oneStay, [.int(id)], deadline: deadline)
    return rows.count == 0 ? nil : try read(rows, 0)
  }

  /// Books one room. `PostgresError.commitUnknown`: perhaps it did.
  package func book(
    stay id: Int64, by user: UserID, deadline: Instant
  ) async throws(PostgresError) -> BookingOutcome {
    let rows = try await pool.query(
      BystanderStore.bookRoom, [.int(id), .init(user)], deadline: deadline)
    guard rows.bool(0, 0) == true else { return .noSuchStay }
    guard let booking = rows.int(0, 1), let bookedAt = rows.timestamp(0, 2) else { return .full }
    return .booked(
      BookingRow(
        id: booking, stayID: id, userID: user, bookedAt: Timestamp(microseconds: bookedAt)))
  }

  private func read(_ rows: PostgresRows, _ row: Int) throws(SchemaError) -> StayRow {
    guard let id = rows.int(row, 0), let name = rows.text(row, 1), let city = rows.text(row, 2),
      let left = rows.int(row, 3)
    else { throw .corruptRow(table: "stay") }
    return StayRow(id: id, name: name, city: city, roomsLeft: Int(left))
  }
}
