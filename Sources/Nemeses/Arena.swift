import CouponDomain
package import EventLoop
import History
import Laboratory
import Load
import Operations
import Scenarios
import Terminal
import Text
import Verify

/// The laboratory of one nemesis: what it may break, by name, and what has become of it.
@LoopActor
package final class Arena {
  let lab: Lab
  /// Those that are loaded.
  let architectures: [Architecture]
  /// Of one round's crowd.
  let seconds: Double
  var random: Randomness
  /// When this round's crowd is let in, on the machine's clock.
  var opening = Timestamp(microseconds: 0)
  /// What was broken in this round.
  var blows: [Blow] = []
  /// What could not be done here, and why.
  private(set) var skipped: [String] = []
  /// Servers that other nemeses do not have.
  var relays: [LabPart: Relay] = [:]
  var disks: [LabPart: SmallDisk] = [:]
  var redisReplica: RedisReplica?
  var standby: PostgresStandby?
  var cluster: ThreeBrokers?
  /// Of this round.
  var policies: [Architecture: PolicyID] = [:]
  private var cleanups: [@Sendable @LoopActor () async -> Void] = []

  init(_ lab: Lab, _ architectures: [Architecture], seconds: Double, seed: UInt64) {
    (self.lab, self.architectures, self.seconds) = (lab, architectures, seconds)
    random = Randomness(seed: seed, stream: 0x4E45_4D)
  }

  func skip(_ what: String) {
    guard !skipped.contains(what) else { return }
    skipped.append(what)
    Terminal.line("  SKIPPED: \(what)")
  }

  /// Runs after the programs have ended, the last one first.
  func atEnd(_ work: @escaping @Sendable @LoopActor () async -> Void) { cleanups.append(work) }

  func cleanUp() async {
    while let work = cleanups.popLast() { await work() }
    for relay in relays.values { relay.close() }
    relays = [:]
  }

  // MARK: - Time

  var now: Timestamp { SystemClock().now() }

  /// Milliseconds are cut off in what others note.
  var nowForCertain: Timestamp { Timestamp(microseconds: now.microseconds + 1_000) }

  /// Waits for a second of the round; returns at once where it is over.
  func until(_ second: Double) async throws {
    let left = Double(opening.microseconds - now.microseconds) / 1_000_000 + second
    if left > 0 { try await sleep(left) }
  }

  func sleep(_ seconds: Double) async throws {
    let end = Instant.now + .seconds(seconds)
    while Instant.now < end {
      try lab.interrupt.check()
      await EventLoop.shared.sleep(until: min(end, .now + .milliseconds(50)))
    }
    try lab.interrupt.check()
  }

  /// - Returns: whether it came true within `limit` seconds.
  func wait(_ limit: Double, _ condition: @LoopActor () async -> Bool) async throws -> Bool {
    let end = Instant.now + .seconds(limit)
    while await !condition() {
      try lab.interrupt.check()
      guard Instant.now < end else { return false }
      await EventLoop.shared.sleep(for: .milliseconds(5))
    }
    return true
  }

  /// Runs all of them at once.
  func together(_ works: [@Sendable @LoopActor () async throws -> Void]) async throws {
    var running: [Completion<Void>] = []
    for work in works {
      let completion = Completion<Void>()
      running.append(completion)
      EventLoop.shared.spawn {
        do { completion.succeed(try await work()) } catch { completion.fail(error) }
      }
    }
    var failure: (any Error)?
    for completion in running {
      do { try await completion.value() } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  func has(_ architecture: Architecture) -> Bool { architectures.contains(architecture) }

  /// Uniform between two bounds.
  func between(_ least: Double, _ most: Double) -> Double { least + (most - least) * random.unit() }
}
