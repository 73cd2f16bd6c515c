import Load
import CouponDomain
import EventLoop
import Faults
import History
import Laboratory
import Postgres
import PrivateServers
import Scenarios
import Terminal
import Text
import Verify

/// The ways to break something. Each returns when it is over and noted.
extension Arena {
  /// SIGKILL to all of it, and the same program or server again after `down` seconds.
  func kill(_ part: FaultedPart, down: Double) async throws {
    guard concerns(part) else { return }
    _ = try await lab.apply(.kill(part), to: part.architecture)
    let from = nowForCertain
    try await sleep(down)
    let to = now
    try await lab.restart(part)
    note("\(part.rawValue) killed", part, from, to)
  }

  /// SIGSTOP to all of it, SIGCONT after `seconds`.
  func stop(_ part: FaultedPart, _ seconds: Double) async throws {
    guard concerns(part) else { return }
    // Its own timer is only for the case that nobody comes back.
    _ = try await lab.apply(.stop(part, for: .seconds(seconds + 5)), to: part.architecture)
    let from = nowForCertain
    do { try await sleep(seconds) } catch {
      lab.resume(part)
      throw error
    }
    let to = now
    lab.resume(part)
    note("\(part.rawValue) stopped", part, from, to)
  }

  /// Starts a program again so that it ends itself at a point, and once more when it has.
  func crash(_ part: FaultedPart, at point: CrashPoint, time: Int, down: Double) async throws {
    guard concerns(part), let label = part.target else { return }
    try await lab.arm(part, crashAt: "\(point.rawValue):\(time)")
    let hasDied = try await wait(Arena.patienceWithCrash) {
      self.lab.state.part(part.part)?.process.isRunning == false
    }
    let from = nowForCertain
    if hasDied { try await sleep(down) }
    let to = now
    try await lab.restart(part)
    // A worker that is ended while it joins is waited for by its group until its session is over.
    // In a mix another part may be down meanwhile, so nothing here insists on it.
    try await ready(part, within: 30)
    blows.append(
      Blow(
        name: "\(part.rawValue) killed at \(point.rawValue)", target: label,
        architecture: part.architecture, isOutage: true, from: from, to: to, count: .given(hasDied ? 1 : 0),
        isSurvived: part == .worker))
  }

  private static let patienceWithCrash = 15.0

  /// A switch in all programs that use a server.
  func switched(
    _ target: FaultTarget, _ kind: FaultKind, _ seconds: Double, latencyMs: Int? = nil, rate: Double? = nil
  ) async throws {
    let those = architectures.filter { target == .database || $0 == .eda }
    let seed = kind == .flaky ? random.next() & FaultSpec.greatestSeed : nil
    let spec = try FaultSpec(kind: kind, latencyMs: latencyMs, rate: rate, ttlSeconds: seconds, seed: seed)
    var on: [(Architecture, LabFaultRecord, from: Timestamp)] = []
    for architecture in those {
      let record = try await lab.apply(.switched(target, spec), to: architecture)
      on.append((architecture, record, nowForCertain))
    }
    try await sleep(seconds + 0.02)
    for (architecture, record, from) in on {
      let healed = try await lab.heal(record, of: architecture)
      let end = Timestamp(microseconds: record.begun * 1_000 + Int64(seconds * 1_000_000))
      blows.append(
        Blow(
          name: "\(target.rawValue) \(kind.rawValue)",
          target: FaultRecord.Target(rawValue: target.rawValue) ?? .api,
          architecture: architecture, isOutage: kind == .outage || kind == .hang, from: from,
          to: max(from, end), count: .given(healed.bites ?? 0),
          isSurvived: target == .database && architecture == .eda))
    }
  }

  /// Redis' keys, and messages in the log: done in a moment.
  func inject(_ fault: LabFault, _ name: String) async throws {
    guard has(.eda) else { return }
    let from = now
    let record = try await lab.apply(fault, to: .eda)
    blows.append(
      Blow(
        name: name, target: FaultRecord.Target(rawValue: record.fault.target) ?? .kafka, architecture: .eda,
        isOutage: false, from: from, to: now, count: .given(record.bites ?? 0)))
  }

  /// Something between programs and a server, for `seconds`.
  func severed(_ name: String, _ part: FaultedPart, _ seconds: Double, begin: () -> Void, end: () -> Void)
    async throws
  {
    begin()
    let from = nowForCertain
    defer { end() }
    try await sleep(seconds)
    note(name, part, from, now)
  }

  /// Holds the lock that everybody needs who writes.
  func lockRows(_ sql: String, of architecture: Architecture, _ seconds: Double) async throws {
    guard has(architecture) else { return }
    let pool = try lab.state.pool(of: architecture)
    defer { EventLoop.shared.spawn { await pool.close() } }
    let held = try await pool.transaction(deadline: .now + .seconds(seconds + 30)) { transaction in
      _ = try await transaction.run([(PostgresStatement(sql), [])])
      let from = self.nowForCertain
      try await self.sleep(seconds)
      let to = self.now
      _ = try await transaction.finish()
      return (from, to)
    }
    blows.append(
      Blow(
        name: "a row locked for long", target: .database, architecture: architecture, isOutage: false,
        from: held.0, to: held.1, count: architecture == .eda ? .lag : .felt,
        isSurvived: architecture == .eda))
  }

  /// Waits until a program is ready, or gives it up: what was not healed is found later.
  func ready(_ part: FaultedPart, within limit: Double = 20) async throws {
    guard concerns(part) else { return }
    _ = try await wait(limit) {
      guard let known = self.lab.state.part(part.part), known.process.isRunning else { return false }
      return await Readiness.ask(known.address) == nil
    }
  }

  /// Whether what runs here has this part.
  func concerns(_ part: FaultedPart) -> Bool {
    lab.state.part(part.part) != nil && (part == .database || has(part.architecture))
  }

  /// A server or program that could do nothing from `from` to `to`.
  func note(_ name: String, _ part: FaultedPart, _ from: Timestamp, _ to: Timestamp) {
    guard let target = part.target else { return }
    let those = part == .database ? architectures : [part.architecture]
    for architecture in those where has(architecture) {
      let isSurvived = architecture == .eda && (part == .database || part == .worker)
      blows.append(
        Blow(
          name: name, target: target, architecture: architecture, isOutage: true, from: from, to: to,
          count: part == .worker ? .lag : .felt, isSurvived: isSurvived))
    }
  }
}

extension FaultedPart {
  /// Whose switches and histories it belongs to; the database is everybody's.
  var architecture: Architecture { self == .monolith ? .monolith : .eda }

  /// The monolith's program is an API.
  var target: FaultRecord.Target? { self == .monolith ? .api : FaultRecord.Target(rawValue: rawValue) }
}
