import History
import Scenarios
import Foundation
import Laboratory
import PrivateServers
import Terminal

extension Nemesis {
  /// What Redis forgets costs superfluous events or waiting, never a coupon.
  static let redisKilled = Nemesis(
    "N4", "Redis killed with its file written always, once a second and never; then all keys flushed",
    of: [.eda],
    seconds: 11
  ) { arena in
    try await arena.until(1)
    for durability in [PrivateRedis.Durability.always, .everySecond, .none] {
      try arena.setNextRedis(durability)
      try await arena.kill(.redis, down: 0.7)
      try await arena.sleep(1.3)
    }
    try await arena.inject(.flush, "Redis flushed")
  }.with { $0.prepare = { _, up in up.redisDurability = .always } }
}

extension Arena {
  /// How the private Redis keeps its data after its next start.
  fileprivate func setNextRedis(_ durability: PrivateRedis.Durability) throws {
    do { try PrivateRedis.set(durability, in: lab.folder.path) } catch {
      throw LabFailure("the settings of Redis cannot be changed: \(error)")
    }
  }
}
