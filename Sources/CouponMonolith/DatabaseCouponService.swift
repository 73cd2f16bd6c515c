package import CouponAPI
import CouponDatabase
import CouponCalendar
package import CouponDomain
package import CouponStore
package import EventLoop
package import Postgres
package import Text

/// The coupon service of the monolith, for every strategy: each call asks the database. Memory caches only
/// what never changes (the windows of days), and what a strategy knows for certain (`Issuance.known`).
@LoopActor
package final class DatabaseCouponService: CouponService {
  private let database: MonolithDatabase
  /// For look-ups of one person's coupon; a surge fills this pool's queue and no other.
  private let looking: PostgresPool
  private let issuance: any Issuance
  private let archive: EventArchive
  private let key: CouponKey
  private var calendar = PolicyCalendar()
  private var eventIDs = EventIDSource()

  /// How often a policy without an id retries with the next one after another program took its id.
  private static let creationAttempts = 8

  package init(
    database: MonolithDatabase, looking: PostgresPool, issuance: any Issuance, key: CouponKey
  ) {
    (self.database, self.looking, self.issuance, self.key) = (database, looking, issuance, key)
    archive = EventArchive(database.pool)
  }

  package func readiness() -> ServiceReadiness { database.readiness }

  // MARK: Issuing

  package func issue(_ request: IssueRequest, for caller: IssueCaller) -> Reply<IssueAnswer>? {
    guard database.hasTables else { return .now(.trouble(.tablesUnknown)) }
    if let refusal = issuance.known(request.userID, of: request.policyID, at: request.time) {
      return .now(IssueAnswer(.refused(refusal)))
    }
    return .later {
      do {
        return try await self.decideIssue(request)
      } catch {
        return .trouble(ServiceTrouble(error))
      }
    }
  }

  private func decideIssue(_ request: IssueRequest) async throws -> IssueAnswer {
    do {
      return try await attempt(request)
    } catch let error as PostgresError where error.isUniqueViolation {
      // Two requests of one person under two different locks (`once`, two days at midnight): the other one
      // won, and reading everything again finds it.
      return try await attempt(request)
    }
  }

  private func attempt(_ request: IssueRequest) async throws -> IssueAnswer {
    let view = try await PolicySQL.person(
      request.userID, of: request.policyID, around: request.time, in: looking,
      deadline: request.deadline)
    guard let view else {
      issuance.lookedInVain(for: request.policyID)
      return .noSuchPolicy
    }
    let window = try calendar.window(of: view.policy, at: request.time)
    issuance.looked(at: view.policy, on: window, issued: view.days.issued(on: window.day))
    let claim = key.claim(
      eventIDs.next(), by: request.userID, on: window.day, of: view.policy, at: request.time)
    let hours = view.policy.hours(at: request.time, in: window)
    // Without a lock a refusal is final and a win is not: no coupon is ever taken back, `issued` never
    // decreases.
    var decision = decide(claim, hours: hours, view.state(on: window.day))
    if case .issued = decision {
      decision = try await issuance.decide(claim, hours: hours, of: view.policy, deadline: request.deadline)
    }
    return IssueAnswer(decision)
  }

  // MARK: Reading

  package func status(of policy: PolicyID, at time: Timestamp, deadline: Instant) -> Reply<PolicyAnswer> {
    guard database.hasTables else { return .now(.trouble(.tablesUnknown)) }
    return .later {
      do {
        let days = try await PolicySQL.days(
          of: policy, around: time, in: self.database.pool, deadline: deadline)
        guard let days else { return .noSuchPolicy }
        let window = try self.calendar.window(of: days.policy, at: time)
        return .policy(days.policy, window: window, issued: days.issued(on: window.day))
      } catch {
        return .trouble(ServiceTrouble(error))
      }
    }
  }

  package func latestCoupon(of user: UserID, in policy: PolicyID, deadline: Instant) -> Reply<CouponAnswer> {
    guard database.hasTables else { return .now(.trouble(.tablesUnknown)) }
    return .later {
      do {
        let latest = try await PolicySQL.latestCoupon(
          of: user, in: policy, pool: self.looking, deadline: deadline)
        return switch latest {
        case .coupon(let coupon): .coupon(coupon)
        case .none: .none
        case .noSuchPolicy: .noSuchPolicy
        }
      } catch {
        return .trouble(ServiceTrouble(error))
      }
    }
  }

  package func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer
  {
    guard database.hasTables else { return .trouble(.tablesUnknown) }
    let answer = await archive.events(of: policy, after: after, limit: limit, deadline: deadline)
    guard case .events(let events) = answer, events.isEmpty else { return answer }
    do {
      let isThere = try await PolicySQL.find(policy, in: database.pool, deadline: deadline) != nil
      return isThere ? answer : .noSuchPolicy
    } catch {
      return .trouble(ServiceTrouble(error))
    }
  }

  // MARK: Policies

  package func create(_ draft: PolicyDraft, deadline: Instant) async -> CreateAnswer {
    guard database.hasTables else { return .trouble(.tablesUnknown) }
    do {
      for _ in 0..<Self.creationAttempts {
        var chosen = draft.id
        if chosen == nil { chosen = try await PolicySQL.free(in: database.pool, deadline: deadline) }
        guard let id = chosen else { return .noneFree }
        let policy = draft.policy(id: id)
        let created = PolicyCreated(eventID: eventIDs.next(), policy: policy, key: key)
        switch try await PolicySQL.create(created, in: database.pool, deadline: deadline) {
        case .created: return .policy(policy, created: true)
        case .exists(let existing):
          guard draft.id != nil else { continue }
          return existing == policy ? .policy(existing, created: false) : .conflict(existing: existing)
        }
      }
      return .trouble(.unavailable(reason: "Others were faster, again and again."))
    } catch {
      return .trouble(ServiceTrouble(error))
    }
  }
}
