import TestSupport
import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Testing

@Suite struct BystanderStoreTests {
  @Test func staysAreSeeded() async throws {
    try await Database.with { database in
      let store = BystanderStore(database.pool)
      let stays = try await store.stays(deadline: database.deadline)
      #expect(stays.map(\.id) == [1, 2, 3, 4, 5, 6])
      #expect(try await store.stay(2, deadline: database.deadline) == stays[1])
      #expect(try await store.stay(99, deadline: database.deadline) == nil)
    }
  }

  @Test func theLastRoomIsBookedOnce() async throws {
    try await Database.with { database in
      let store = BystanderStore(database.pool)
      let user = try Make.user("ann")
      let booked = Completion<Void>()
      var outcomes: [BookingOutcome] = []
      for _ in 0..<8 {
        EventLoop.shared.spawn {
          if let outcome = try? await store.book(stay: 6, by: user, deadline: database.deadline) {
            outcomes.append(outcome)
          }
          if outcomes.count == 8 { booked.succeed(()) }
        }
      }
      try await booked.value(deadline: database.deadline)
      #expect(outcomes.count { $0 == .full } == 5)
      let bookings = outcomes.compactMap { if case .booked(let row) = $0 { row } else { nil } }
      #expect(
        Set(bookings.map(\.id)).count == 3 && bookings.allSatisfy { $0.stayID == 6 && $0.userID == user })
      #expect(try await store.stay(6, deadline: database.deadline)?.roomsLeft == 0)
      #expect(try await database.count("booking") == 3)
      #expect(try await store.book(stay: 7, by: user, deadline: database.deadline) == .noSuchStay)
      let now = SystemClock().now().microseconds
      #expect(bookings.allSatisfy { abs($0.bookedAt.microseconds - now) < 60_000_000 })
    }
  }
}
