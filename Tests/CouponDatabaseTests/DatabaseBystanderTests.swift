import Text
import Operations
import CouponAPI
import CouponDatabase
import CouponDomain
import CouponStore
import EventLoop
import Postgres
import TestSupport
import Testing

@Suite(.limited) struct DatabaseBystanderTests {
  @Test func staysAreSeeded() async throws {
    try await TestDatabase.with { database in
      let bystander = DatabaseBystander(pool: database.pool)
      let stays = try #require(await bystander.stays(deadline: database.deadline).found)
      #expect(stays.map(\.id) == [1, 2, 3, 4, 5, 6])
      #expect(await bystander.stay(2, deadline: database.deadline).found == stays[1])
      guard case .notFound = await bystander.stay(99, deadline: database.deadline) else {
        Issue.record("a stay that is not there")
        return
      }
    }
  }

  @Test func theLastRoomIsBookedOnce() async throws {
    try await TestDatabase.with { database in
      let bystander = DatabaseBystander(pool: database.pool)
      let user = try Make.user("ann")
      let booked = Completion<Void>()
      var outcomes: [BystanderAnswer<Booking>] = []
      for _ in 0..<8 {
        EventLoop.shared.spawn {
          outcomes.append(await bystander.book(stay: 6, by: user, deadline: database.deadline))
          if outcomes.count == 8 { booked.succeed(()) }
        }
      }
      try await booked.value(deadline: database.deadline)
      #expect(outcomes.count { if case .full = $0 { true } else { false } } == 5)
      let bookings = outcomes.compactMap(\.found)
      #expect(
        Set(bookings.map(\.id)).count == 3 && bookings.allSatisfy { $0.stayID == 6 && $0.userID == user })
      #expect(await bystander.stay(6, deadline: database.deadline).found?.roomsLeft == 0)
      #expect(try await database.count("booking") == 3)
      guard case .notFound = await bystander.book(stay: 7, by: user, deadline: database.deadline) else {
        Issue.record("a room of a stay that is not there")
        return
      }
      let now = SystemClock().now().microseconds
      #expect(bookings.allSatisfy { abs($0.bookedAt.microseconds - now) < 60_000_000 })
    }
  }
}

extension BystanderAnswer {
  fileprivate var found: Value? { if case .found(let value) = self { value } else { nil } }
}
