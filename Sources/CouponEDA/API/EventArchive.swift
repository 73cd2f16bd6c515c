import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import Postgres

/// The recorded events, which only the database numbers.
@LoopActor
final class EventArchive {
  private let pool: PostgresPool

  init(_ pool: PostgresPool) { self.pool = pool }

  func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer {
    do {
      let events = try await EventSQL.events(
        of: policy, after: after, limit: limit, in: pool, deadline: deadline)
      return .events(
        events.map {
          RecordedEvent(sequence: $0.sequence, rank: $0.rank, payload: $0.payload, recordedAt: $0.recordedAt)
        })
    } catch {
      return .trouble(ServiceTrouble(error))
    }
  }
}
