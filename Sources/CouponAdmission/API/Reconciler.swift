import CouponLog
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import Operations
import Programs
import Redis
import Text

/// Compares Redis' sets with the list once an interval, and does what `Reconciliation` says.
@LoopActor
final class Reconciler {
  /// Members in one command, and coupons in one look, so that neither side is kept from its other work.
  private static let chunk = 1_000

  private let redis: any RedisCalls
  private let view: LogView
  private let clock: LoopClock
  private let wallClock: @LoopActor () -> Timestamp
  private let patience: Duration
  private let log: Log
  private var days: [String: Reconciliation] = [:]
  private var paces = ReconciliationPaces()
  private var isStopped = false
  private let expiryTrouble: TroubleLog
  private let winnerTrouble: TroubleLog
  private let lookTrouble: TroubleLog
  private let added: Counter
  private let removed: Counter

  init(
    _ redis: any RedisCalls, _ view: LogView, clock: LoopClock,
    wallClock: @escaping @LoopActor () -> Timestamp, requestDeadline: Duration,
    context: ProgramContext
  ) {
    (self.redis, self.view, self.clock, self.wallClock) = (redis, view, clock, wallClock)
    // A second more: the log's library looks for overdue messages about once a second.
    patience = requestDeadline + LogPublisher.messageTimeout + .seconds(1)
    log = context.log
    (expiryTrouble, winnerTrouble) = (TroubleLog(log), TroubleLog(log))
    lookTrouble = TroubleLog(log)
    added = context.metrics.counter(
      "coupon_reconcile_added_total", help: "Winners put back into Redis' sets.")
    removed = context.metrics.counter(
      "coupon_reconcile_removed_total", help: "Members without a coupon taken out of Redis' sets.")
  }

  func start() {
    EventLoop.shared.spawn {
      while !self.isStopped {
        await self.clock.sleep(for: ReconciliationPace.shortest)
        await self.look()
      }
    }
  }

  func stop() { isStopped = true }

  private func look() async {
    let open = view.openDays(at: wallClock())
    let keys = Set(open.map(\.key))
    days = days.filter { keys.contains($0.key) }
    paces.keep(keys)
    var refusal: String?
    for day in open where paces.isDue(day.key, now: clock.now) {
      guard !isStopped, redis.isConnected else { return }
      do {
        try await reconcile(day)
      } catch RedisError.server(let message) where redis.isConnected {
        refusal = refusal ?? "\(day.key): \(message)"
      } catch {
        // The next interval looks again; nothing here has to succeed.
        log.debug("reconcile was interrupted", ["reason": "\(error)"])
      }
    }
    if let refusal {
      lookTrouble.note("a set in Redis cannot be compared with the list", refusal)
    } else {
      lookTrouble.over()
    }
  }

  private func reconcile(_ day: LogView.OpenDay) async throws {
    let key = day.key
    // Single commands, in one write: in a transaction a Redis without memory refuses them all.
    redis.setExpiry(
      of: key, at: DaySet.expiry(of: day.policy, day.window), clock,
      refused: { [expiryTrouble] in expiryTrouble.note("sets in Redis have no expiry", $0) },
      done: { [expiryTrouble] in expiryTrouble.over() })
    guard let members = try await redis.command(["SCARD", key], deadline: deadline).integer else { return }
    let reconciliation = days[key] ?? Reconciliation(patience: patience)
    switch reconciliation.counted(
      members: Int(members), winners: view.list.issued(on: day.day, in: day.policy.id),
      quota: day.policy.dailyQuota)
    {
    case .nothing: paces.looked(at: key, now: clock.now, hasFailedToAdd: false)
    case .addWinners:
      do {
        try await addWinners(of: day)
        paces.looked(at: key, now: clock.now, hasFailedToAdd: false)
        winnerTrouble.over()
      } catch {
        paces.looked(at: key, now: clock.now, hasFailedToAdd: true)
        if case RedisError.server(let message) = error {
          winnerTrouble.note("winners cannot be put back into Redis", message)
          return
        }
        throw error
      }
    case .lookAtMembers: try await removeIdle(day, reconciliation)
    }
  }

  /// Slice by slice: each ends with a command, or where it has no winner of this day, by letting the loop go on.
  private func addWinners(of day: LogView.OpenDay) async throws {
    var next: Int? = 0
    var winners = 0
    while let index = next, !isStopped {
      let slice = view.list.winners(
        on: day.day, in: day.policy.id, from: index, lookingAt: Reconciler.chunk)
      next = slice.next
      winners += slice.winners.count
      guard !slice.winners.isEmpty else {
        await clock.sleep(for: .zero)
        continue
      }
      let reply = try await redis.command(
        ["SADD", day.key] + slice.winners.map(\.description), deadline: deadline)
      added.increment(by: UInt64(reply.integer ?? 0))
    }
    log.info("winners were put back into Redis", ["key": day.key, "winners": winners])
  }

  private func removeIdle(
    _ day: LogView.OpenDay, _ reconciliation: Reconciliation
  ) async throws {
    var reconciliation = reconciliation
    let askedAt = clock.now
    let members = try await idleMembers(of: day)
    let idle = reconciliation.saw(members: members, askedAt: askedAt, seenAt: clock.now) {
      isWinner($0, on: day)
    }
    days[day.key] = reconciliation
    for start in stride(from: 0, to: idle.count, by: Reconciler.chunk) {
      let people = idle[start..<min(start + Reconciler.chunk, idle.count)]
      let reply = try await redis.command(["SREM", day.key] + people.map(\.description), deadline: deadline)
      removed.increment(by: UInt64(reply.integer ?? 0))
    }
    if !idle.isEmpty { log.info("slots were taken back", ["key": day.key, "members": idle.count]) }
  }

  /// The members of the set who are no winners, read in bites.
  private func idleMembers(of day: LogView.OpenDay) async throws -> [UserID] {
    var idle: [UserID] = []
    var cursor = "0"
    repeat {
      let reply = try await redis.command(
        ["SSCAN", day.key, cursor, "COUNT", String(Reconciler.chunk)], deadline: deadline)
      guard case .array(let parts) = reply, parts.count == 2, let next = parts[0].text,
        case .array(let members) = parts[1]
      else { throw RedisError.outcomeUnknown("an unexpected reply to SSCAN") }
      cursor = next
      for member in members {
        // A member that is no user's id is not ours to take away.
        guard let user = member.text.flatMap({ UserID($0) }), !isWinner(user, on: day) else {
          continue
        }
        idle.append(user)
      }
    } while cursor != "0" && !isStopped
    return idle
  }

  private func isWinner(_ user: UserID, on day: LogView.OpenDay) -> Bool {
    view.list.isWinner(user, on: day.day, in: day.policy.id)
  }

  private var deadline: Instant { clock.now + .seconds(2) }
}
