package import CouponAPI
package import CouponDomain
import CouponStore
package import EventLoop
package import Postgres
import Text

/// The recorded events, which are numbered only in the database.
@LoopActor
package final class EventArchive: EventRecords {
  private let pool: PostgresPool

  package init(_ pool: PostgresPool) { self.pool = pool }

  /// No events may also mean that the policy does not exist: the caller knows.
  package func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer
  {
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
