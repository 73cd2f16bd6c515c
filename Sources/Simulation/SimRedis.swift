import EventLoop
import Redis

/// A Redis that holds sets, can be stopped, and lose its memory or its latest writes.
@LoopActor
final class SimRedis {
  enum Health { case up, stopped, down }

  private(set) var sets: [String: Set<String>] = [:]
  /// What was added last, for a restart that lost its tail.
  private var latest: [(key: String, member: String)] = []
  /// What arrived while it was stopped: it is applied when it goes on, whoever has stopped waiting.
  private var backlog: [@LoopActor () -> Void] = []
  private(set) var health = Health.up

  func count(_ key: String) -> Int { sets[key]?.count ?? 0 }
  /// Sorted, for the same order in every run.
  func members(_ key: String) -> [String] { (sets[key] ?? []).sorted() }

  /// Runs `command` now, or when the server goes on; a server that is down never gets it.
  func receive(_ command: @escaping @LoopActor () -> Void) {
    switch health {
    case .up: command()
    case .stopped: backlog.append(command)
    case .down: break
    }
  }

  /// Carries one command out.
  func execute(_ command: [String]) -> RedisReply {
    let key = command.count > 1 ? command[1] : ""
    let members = command.dropFirst(2)
    switch command[0] {
    case "SCARD": return .integer(Int64(count(key)))
    case "SADD": return .integer(Int64(members.filter { add($0, key) }.count))
    case "SREM": return .integer(Int64(members.filter { sets[key]?.remove($0) != nil }.count))
    case "SISMEMBER": return .integer(sets[key]?.contains(command[2]) == true ? 1 : 0)
    case "EXPIREAT": return .integer(sets[key] == nil ? 0 : 1)
    case "SSCAN": return scan(key, from: Int(command[2]) ?? 0)
    default: return .error("ERR unknown command '\(command[0])'")
    }
  }

  private func add(_ member: String, _ key: String) -> Bool {
    let isNew = sets[key, default: []].insert(member).inserted
    if isNew { latest.append((key, member)) }
    return isNew
  }

  /// Three members a page, so that a scan takes several.
  private func scan(_ key: String, from start: Int) -> RedisReply {
    let all = members(key)
    let page = all[min(start, all.count)..<min(start + 3, all.count)]
    let next = start + 3 < all.count ? start + 3 : 0
    return .array([
      .string(Array(String(next).utf8)), .array(page.map { .string(Array($0.utf8)) }),
    ])
  }

  // MARK: - What happens to it

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
    for (key, member) in latest.suffix(count) { sets[key]?.remove(member) }
    let lost = !latest.isEmpty && count > 0
    latest.removeLast(min(count, latest.count))
    return lost
  }
}
