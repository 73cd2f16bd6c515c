package import CouponDomain
import CouponStore
package import EventLoop
package import Postgres
package import Text

/// The strategy `for-update-cached`: `for-update`, and what can no longer change is answered from memory.
///
///     the database says "issued >= quota" ──▶ the winners are read once ──▶ everybody else hears "sold out" from memory
///     a winner, or somebody who may be one ──▶ asks the database, as with `for-update`
///     one request a second                 ──▶ asks the database, whoever it is
///
/// A full day has all its winners: `issued` never falls, a policy's quota never changes, no coupon is taken back.
/// Nobody is told here that a coupon is left. So the worst that a wrong memory can do is a "sold out" too many,
/// never a coupon too many: coupons are issued only under the row's lock.
///
/// The memory is wrong if the tables go back in time under a running program: a standby that lagged is promoted, a
/// backup is restored, somebody edits `issued`. The request that asks each second then finds room, another policy or
/// none, and the day is forgotten. Until then, for a second or as long as the database does not answer, people hear "sold out" of a
/// day that has room again. If the day fills again before that request looks, people who won only in the newer
/// history hear "sold out" instead of their coupon until the program starts again.
///
/// With `once`, the winners of the event's other days are winners too. Those who win on another day after the winners
/// were read, at another process or by a COMMIT whose outcome is unknown (both: at midnight), hear "sold out" on the
/// full day.
@LoopActor
package final class ForUpdateCached: Issuance {
  /// A day that the database has called full.
  private final class FullDay {
    let policy: Policy
    let window: DayWindow
    let issued: Int
    /// Hashes of those who hold a coupon of the period, or may: who shares a winner's hash asks the database, too.
    var mayHold: Set<Int>
    /// Every winner is in `mayHold`.
    var isKnown = false
    /// When the next request asks the database in any case.
    var asksAt = Instant.now

    init(_ policy: Policy, _ window: DayWindow, issued: Int, deciding: some Collection<Int>) {
      (self.policy, self.window, self.issued) = (policy, window, issued)
      mayHold = Set(deciding)
      // A set that grows to a million people makes the loop wait.
      mayHold.reserveCapacity(issued + deciding.count)
    }
  }

  private let row: ForUpdate
  private let pool: PostgresPool
  /// The newest full day of each policy; requests of other days ask the database.
  private var days: [PolicyID: FullDay] = [:]
  /// How many claims under `once` each person, by their hash, has in the strategy's hands.
  private var deciding: [Int: Int] = [:]
  /// The winners of one day are read at a time: others need the connections, too.
  private var isReading = false
  /// Which day of a policy has turned out to have too many winners, so that they are not read again and again.
  private var tooLarge: [PolicyID: Day] = [:]
  private let maximumWinners: Int

  /// How long the memory is trusted without a look.
  private static let trust = Duration.seconds(1)
  private static let maximumDays = 1_000
  /// Winners that are read at once: a millisecond or so of the loop.
  private static let page = 4_096

  /// - Parameters:
  ///   - pool: of the deciding transactions.
  ///   - reading: for the winners, one connection at a time. The crowd does not wait for it.
  ///   - maximumWinners: of all days together; days beyond it are not remembered.
  package init(pool: DecidingPool, reading: PostgresPool, maximumWinners: Int = 2_000_000) {
    row = ForUpdate(pool: pool)
    self.pool = reading
    self.maximumWinners = maximumWinners
  }

  package func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant
  ) async throws -> Decision {
    guard policy.perPerson == .once else {
      return try await row.decide(claim, hours: hours, of: policy, deadline: deadline)
    }
    // A coupon of another day is a coupon of the period, and an unknown COMMIT may stand: noted before it is certain.
    let person = claim.userID.hashValue
    if let day = days[policy.id], day.window.day != claim.day, day.mayHold.insert(person).inserted {
      forgetIfTooLarge(day)
    }
    deciding[person, default: 0] += 1
    defer { deciding[person] = deciding[person].flatMap { $0 > 1 ? $0 - 1 : nil } }
    return try await row.decide(claim, hours: hours, of: policy, deadline: deadline)
  }

  package func known(_ user: UserID, of policy: PolicyID, at time: Timestamp) -> Refusal? {
    guard let day = days[policy], day.isKnown, day.window.contains(time),
      !day.mayHold.contains(user.hashValue)
    else { return nil }
    guard Instant.now < day.asksAt else {
      // Only this request; the others do not wait for its answer.
      day.asksAt = .now + Self.trust
      return nil
    }
    let state = IssuanceState(policy: day.policy, issued: day.issued, held: nil)
    return refusal(hours: day.policy.hours(at: time, in: day.window), state)
  }

  package func looked(at policy: Policy, on window: DayWindow, issued: Int) {
    let isFull = issued >= policy.dailyQuota
    // A policy never changes: these are other tables than those that were looked at.
    if let known = days[policy.id], known.policy != policy { forget(known) }
    if let known = days[policy.id] {
      if known.window.day == window.day {
        if !isFull { forget(known) }
        return
      }
      // A request that was on its way at midnight does not bring yesterday back.
      if known.window.day > window.day { return }
    }
    guard isFull, !isReading, tooLarge[policy.id] != window.day, hasRoom(for: issued, at: window.startsAt)
    else { return }
    let day = FullDay(policy, window, issued: issued, deciding: deciding.keys)
    days[policy.id] = day
    isReading = true
    EventLoop.shared.spawn {
      await self.readWinners(of: day)
      self.isReading = false
    }
  }

  package func lookedInVain(for policy: PolicyID) { days[policy] = nil }

  private var winners: Int { days.values.reduce(0) { $0 + $1.mayHold.count } }

  private func hasRoom(for issued: Int, at time: Timestamp) -> Bool {
    func isEnough() -> Bool {
      days.count < Self.maximumDays && winners + deciding.count + issued <= maximumWinners
    }
    if isEnough() { return true }
    days = days.filter { $0.value.window.endsAt > time }
    return isEnough()
  }

  /// Its winners are not read again; every request asks, as with `for-update`.
  private func forgetIfTooLarge(_ day: FullDay) {
    guard winners > maximumWinners else { return }
    forget(day)
    if tooLarge.count >= Self.maximumDays { tooLarge = [:] }
    tooLarge[day.policy.id] = day.window.day
  }

  /// Reads them in pages, in the order of day and rank. A day that cannot be read is forgotten, and the next look at it
  /// begins again.
  private func readWinners(of day: FullDay) async {
    var last: (day: Day, rank: Int)?
    var ofThisDay = 0
    while days[day.policy.id] === day {
      let call = IssuanceSQL.winners(of: day.policy, around: day.window.day, after: last, limit: Self.page)
      guard let rows = try? await pool.query(call.0, call.1, deadline: .now + Self.trust),
        let winners = try? IssuanceSQL.winners(rows)
      else { return forget(day) }
      for winner in winners {
        day.mayHold.insert(winner.user.hashValue)
        if winner.day == day.window.day { ofThisDay += 1 }
        last = (winner.day, winner.rank)
      }
      forgetIfTooLarge(day)
      guard days[day.policy.id] === day else { return }
      guard winners.count == Self.page else {
        // Fewer than were counted: these are other tables than those that were looked at.
        guard ofThisDay >= day.issued else { return forget(day) }
        day.asksAt = .now + Self.trust
        day.isKnown = true
        return
      }
    }
  }

  private func forget(_ day: FullDay) {
    if days[day.policy.id] === day { days[day.policy.id] = nil }
  }
}
