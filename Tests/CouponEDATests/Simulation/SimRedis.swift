import CouponDomain
import Text

struct SetKey: Hashable {
  let policyID: PolicyID
  let day: Day
}

/// A Redis that holds sets, can be stopped, lose its memory or its latest writes.
final class SimRedis {
  enum Health { case up, stopped, down }

  private(set) var sets: [SetKey: Set<UserID>] = [:]
  /// What was added last, for a restart that lost its tail.
  private var latest: [(key: SetKey, user: UserID)] = []
  /// What arrived while it was stopped: it is applied when it goes on, whoever has stopped waiting.
  private var backlog: [() -> Void] = []
  private(set) var health = Health.up

  func count(_ key: SetKey) -> Int { sets[key]?.count ?? 0 }
  func has(_ user: UserID, _ key: SetKey) -> Bool { sets[key]?.contains(user) ?? false }
  /// Sorted, for the same order in every run.
  func members(_ key: SetKey) -> [UserID] { (sets[key] ?? []).sorted() }

  func add(_ user: UserID, _ key: SetKey) -> Bool {
    let isNew = sets[key, default: []].insert(user).inserted
    if isNew { latest.append((key, user)) }
    return isNew
  }

  func remove(_ user: UserID, _ key: SetKey) { sets[key]?.remove(user) }

  /// Runs `command` now, or when the server goes on; a server that is down never gets it.
  func receive(_ command: @escaping () -> Void) {
    switch health {
    case .up: command()
    case .stopped: backlog.append(command)
    case .down: break
    }
  }

  func stop() { if health == .up { health = .stopped } }

  func kill() {
    health = .down
    backlog = []
  }

  func goOn() {
    health = .up
    let commands = backlog
    backlog = []
    for command in commands { command() }
  }

  /// True if anything was lost.
  func wipe() -> Bool {
    let lost = sets.values.contains { !$0.isEmpty }
    sets = [:]
    latest = []
    return lost
  }

  func loseTail(_ count: Int) -> Bool {
    for (key, user) in latest.suffix(count) { sets[key]?.remove(user) }
    let lost = !latest.isEmpty && count > 0
    latest.removeLast(min(count, latest.count))
    return lost
  }
}
