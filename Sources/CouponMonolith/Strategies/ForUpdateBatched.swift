package import CouponDomain
import CouponStore
package import EventLoop
import Postgres
import Text

/// The strategy `for-update-batched`: `for-update`, and those who wait for the same row anyway share one transaction
/// (a group commit).
///
///     the day's line   a b c d e …                  who comes during a transaction waits for the next one
///     trip 1           BEGIN · SELECT … FOR UPDATE · the coupons of a…e      the lock is held from here …
///                      decide() for a, then b, then c …
///     trip 2           INSERT events · INSERT coupons · UPDATE counter · COMMIT      … to here; only now answers
///
/// Each of them is decided by the domain, in the order of the line, on what the one before has left. Nobody is
/// answered before the COMMIT: a later member's "sold out" is as uncertain as the coupons that it follows from. If
/// the COMMIT's outcome is unknown, it is so for each. If the server refuses what one of them brings, it refuses the
/// whole transaction; then each is decided by itself, as with `for-update`, and only that one fails.
@LoopActor
package final class ForUpdateBatched: Issuance {
  private let deciding: DecidingPool
  private let maxWaiting: Int
  private var lines: [PolicyDay: ClaimLine] = [:]
  private var waiting = 0

  /// The most claims of one transaction: some milliseconds under the lock, and of the loop less than one.
  private static let maximumBatch = 128

  /// - Parameter maxWaiting: the most claims that wait; the next one fails with `poolFull`.
  package init(pool: DecidingPool, maxWaiting: Int) { (deciding, self.maxWaiting) = (pool, maxWaiting) }

  package func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant
  ) async throws -> Decision {
    guard waiting < maxWaiting else { throw PostgresError.poolFull }
    waiting += 1
    defer { waiting -= 1 }
    let day = PolicyDay(claim.policyID, claim.day)
    let member = ClaimInLine(claim, hours: hours, of: policy, deadline: deadline)
    if let line = lines[day] {
      line.append(member)
    } else {
      let line = ClaimLine(first: member)
      lines[day] = line
      EventLoop.shared.spawn { await self.serve(line, of: day) }
    }
    return try await member.decision()
  }

  /// One transaction after the other until nobody waits.
  private func serve(_ line: ClaimLine, of day: PolicyDay) async {
    while let latest = line.latestDeadline {
      var batch: [ClaimInLine] = []
      var refused: [ClaimInLine] = []
      var hasTaken = false
      do {
        try await deciding.pool.transaction(deadline: latest) { transaction in
          hasTaken = true
          batch = line.take(Self.maximumBatch, reserve: deciding.pool.reserve)
          guard let policy = batch.first?.policy else { return }
          // Who has little time left does not cut the others short.
          for member in batch { transaction.extend(to: member.deadline) }
          do {
            try await decide(batch, on: day.day, of: policy, in: transaction)
          } catch {
            if batch.count > 1, Self.isAboutOneOfThem(error) {
              refused = batch
            } else {
              for member in batch { member.fail(error) }
            }
            throw error
          }
        }
      } catch {
        // There is no connection, and those that wait for one hear why.
        if !hasTaken { line.failAll(error, until: latest) }
      }
      for member in refused { member.mayBeCommitted = false }
      for member in refused { await decideAlone(member) }
    }
    lines[day] = nil
  }

  private func decide(
    _ batch: [ClaimInLine], on day: Day, of policy: Policy, in transaction: PostgresTransaction
  ) async throws {
    let answers = try await transaction.run([
      IssuanceSQL.lock(day, of: policy.id), IssuanceSQL.find(batch.map(\.claim.userID), on: day, of: policy),
    ])
    guard var issued = IssuanceSQL.issued(answers[0]) else {
      throw SchemaError.corruptRow(table: "policy_day")
    }
    var held: [UserID: Coupon] = [:]
    for coupon in try IssuanceSQL.coupons(answers[1]) { held[coupon.claim.userID] = coupon }
    var decided: [(member: ClaimInLine, decision: Decision)] = []
    var coupons: [Coupon] = []
    // Whose deadline has passed meanwhile was told that nothing was done.
    for member in batch where member.isWaiting {
      let user = member.claim.userID
      let state = IssuanceState(policy: policy, issued: issued, held: held[user])
      let decision = try deciding.decide(member.claim, hours: member.hours, state)
      if case .issued(let coupon) = decision {
        let next = evolve(state, coupon)
        (issued, held[user]) = (next.issued, next.held)
        coupons.append(coupon)
      }
      decided.append((member, decision))
    }
    if !coupons.isEmpty {
      for (member, _) in decided { member.mayBeCommitted = true }
      _ = try await transaction.finish(
        IssuanceSQL.record(coupons, of: policy)
          + [IssuanceSQL.set(issued: issued, on: day, of: policy.id)])
    }
    for (member, decision) in decided { member.succeed(decision) }
  }

  /// As `for-update` does it: what is wrong with one is no longer the others' trouble.
  private func decideAlone(_ member: ClaimInLine) async {
    guard member.isWaiting else { return }
    do {
      member.succeed(
        try await ForUpdate(pool: deciding).decide(
          member.claim, hours: member.hours, of: member.policy, deadline: member.deadline,
          willCommit: { member.mayBeCommitted = true }))
    } catch {
      member.fail(error)
    }
  }

  /// What a row holds was refused (22, 23), or a trigger did it (P0), or another transaction wants the same rows (40: the
  /// server ended this one for a deadlock). Nothing was done.
  private static func isAboutOneOfThem(_ error: any Error) -> Bool {
    guard let state = (error as? PostgresError)?.sqlState else { return false }
    return ["22", "23", "40", "P0"].contains { state.hasPrefix($0) }
  }
}

/// The claims on one day that wait for its row, first come first served.
@LoopActor
private final class ClaimLine {
  private var members = Deque<ClaimInLine>()

  init(first: ClaimInLine) { members.append(first) }

  func append(_ member: ClaimInLine) { members.append(member) }

  /// Nil if nobody waits.
  var latestDeadline: Instant? {
    while let first = members.first, !first.isWaiting { _ = members.popFirst() }
    return (0..<members.count).lazy.map { self.members[$0].deadline }.max()
  }

  /// - Parameter reserve: who has less time left fails with `deadline`, instead of being cut off in the middle of COMMIT.
  func take(_ limit: Int, reserve: Duration) -> [ClaimInLine] {
    var batch: [ClaimInLine] = []
    while batch.count < limit, let member = members.popFirst() {
      guard member.isWaiting else { continue }
      if Instant.now < member.deadline + (.zero - reserve) {
        batch.append(member)
      } else {
        member.fail(PostgresError.deadline)
      }
    }
    return batch
  }

  /// Those that came when the deadline was at most this: who came later has not waited yet.
  func failAll(_ error: any Error, until deadline: Instant) {
    for _ in 0..<members.count {
      guard let member = members.popFirst() else { return }
      if member.deadline <= deadline { member.fail(error) } else { members.append(member) }
    }
  }
}

/// One person's claim until it is answered.
///
///     waits ──▶ decision
///        └────▶ deadline: nothing was done, or (its COMMIT is under way) unknown
@LoopActor
private final class ClaimInLine {
  let claim: CouponClaim
  let hours: Hours
  let policy: Policy
  let deadline: Instant
  /// A COMMIT that decides on it was sent.
  var mayBeCommitted = false
  private let answer = Completion<Decision>()

  init(_ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant) {
    (self.claim, self.hours, self.policy, self.deadline) = (claim, hours, policy, deadline)
  }

  var isWaiting: Bool { !answer.isDone }
  func succeed(_ decision: Decision) { answer.succeed(decision) }
  func fail(_ error: any Error) { answer.fail(error) }

  /// - Throws: `PostgresError.deadline`, `commitUnknown`; what it failed with.
  func decision() async throws -> Decision {
    do {
      return try await answer.value(deadline: deadline)
    } catch is DeadlineExceeded {
      throw mayBeCommitted ? PostgresError.commitUnknown("no answer before the deadline") : .deadline
    }
  }
}
