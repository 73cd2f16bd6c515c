import PrivateServers
import Faults
import Terminal
import Scenarios
import Figures
import EventLoop
import History
import Laboratory
import Operations
import Text
import Verify

/// Breaks what a scenario says when it says so, and heals what is left in the end.
@LoopActor
final class FaultSchedule {
  private struct Entry {
    let planned: TimedFault
    var record: LabFaultRecord?
    var isBegun = false
    /// When it was on for certain, in milliseconds of the wall clock.
    var isOnSince: Int64?
    /// For a restart: when the part was first seen down, in milliseconds of the wall clock.
    var downSince: Int64?
  }

  private let lab: Lab
  private let architecture: Architecture
  private let opening: Timestamp
  /// The run's, from which each fault has its own.
  private let seed: UInt64
  /// Of the crowd.
  private let namePrefix: String
  private var entries: [Entry]
  private var failure: (any Error)?
  private var left: Int
  private let over = Completion<Void>()
  private var watch: Ticker?

  init(
    _ faults: [TimedFault], _ lab: Lab, _ architecture: Architecture, opening: Timestamp, seed: UInt64,
    namePrefix: String
  ) {
    (self.lab, self.architecture, self.opening, self.seed) = (lab, architecture, opening, seed)
    self.namePrefix = namePrefix
    entries = faults.map { Entry(planned: $0) }
    left = faults.count
    if faults.isEmpty { over.succeed(()) }
    for index in entries.indices {
      EventLoop.shared.schedule(at: instant(faults[index].at)) { [weak self] in
        EventLoop.shared.spawn { await self?.begin(index) }
      }
    }
    if faults.contains(where: { if case .restart = $0.fault { true } else { false } }) {
      watch = Ticker(every: .milliseconds(20)) { [weak self] in self?.lookForDeaths() }
    }
  }

  private func instant(_ seconds: Double) -> Instant {
    let lead = opening.microseconds - SystemClock().now().microseconds + Int64(seconds * 1_000_000)
    return Instant.now + .microseconds(lead)
  }

  private func begin(_ index: Int) async {
    entries[index].isBegun = true
    do {
      guard !lab.interrupt.hasCome else { return end() }
      let fault = try entries[index].planned.forPeople(called: namePrefix).seeded(
        LabFault.seed(ofRun: seed, fault: index))
      entries[index].record = try await lab.apply(fault, to: architecture)
      entries[index].isOnSince = LabFaultRecord.now
      if case .switched(_, let spec) = fault {
        // Its bites are asked for when it has just healed: the next one of its kind counts from 0, and so does a
        // program that was started again.
        EventLoop.shared.schedule(after: .milliseconds(Int64(spec.ttlSeconds * 1_000) + 20)) { [weak self] in
          EventLoop.shared.spawn { await self?.heal(index) }
        }
        return
      }
    } catch { failure = failure ?? error }
    end()
  }

  private func heal(_ index: Int) async {
    do {
      if let record = entries[index].record {
        entries[index].record = try await lab.heal(record, of: architecture)
      }
    } catch { failure = failure ?? error }
    end()
  }

  private func end() {
    left -= 1
    if left == 0 { over.succeed(()) }
  }

  /// A program may have ended itself (a crash point): nobody else notes when.
  private func lookForDeaths() {
    for index in entries.indices where entries[index].downSince == nil && !entries[index].isBegun {
      guard case .restart(let part) = entries[index].planned.fault,
        let process = lab.state.part(part.part)?.process, !process.isRunning
      else { continue }
      entries[index].downSince = LabFaultRecord.now
    }
  }

  /// Waits for the last fault to end, heals everything and says what has happened.
  ///
  /// - Throws: what could not be broken or healed.
  func finish() async throws -> FaultOutcome {
    try? await over.value()
    watch?.stop()
    if let failure { throw failure }
    let end = entries.compactMap(\.planned.until).max() ?? 0
    while instant(end) > .now, !lab.interrupt.hasCome { await EventLoop.shared.sleep(for: .milliseconds(50)) }
    for index in entries.indices {
      guard let record = entries[index].record, record.ended == nil else { continue }
      entries[index].record = try await lab.heal(record, of: architecture)
    }
    let begun = entries.compactMap { entry in
      entry.record.map { Timestamp(microseconds: $0.begun * 1_000) }
    }
    return FaultOutcome(records: entries.compactMap(record), begun: begun, opening: opening)
  }

  private func record(_ entry: Entry) -> FaultRecord? {
    guard let record = entry.record else { return nil }
    // The monolith's program is an API.
    let target = FaultRecord.Target(rawValue: record.fault.target) ?? .api
    // Between the call and its end it may have been on or not; milliseconds are cut off.
    var from = entry.isOnSince.map { $0 + 1 } ?? record.begun
    var (to, bites) = (record.ended ?? record.begun, record.bites)
    var isOutage = true
    switch record.fault {
    case .switched(_, let spec):
      to = max(from, record.begun + Int64(spec.ttlSeconds * 1_000))
      isOutage = spec.kind == .outage || spec.kind == .hang
    case .stop(_, let time):
      to = max(from, record.begun + Int64(time.milliseconds))
    case .kill(let part):
      let restart = entries.first {
        $0.planned.at > entry.planned.at && $0.planned.fault == .restart(part)
      }
      to = restart?.record?.begun ?? to
    case .restart(let part):
      // Down because of a kill that is recorded itself, or because the program has ended itself.
      guard !entries.contains(where: { $0.planned.fault == .kill(part) }) else { return nil }
      (from, to) = (entry.downSince ?? record.begun, record.begun)
      bites = entry.downSince == nil ? 0 : nil
    case .flush, .poison, .duplicates: isOutage = false
    }
    return FaultRecord(
      name: entry.planned.name, target: target, isOutage: isOutage,
      from: Timestamp(microseconds: from * 1_000),
      to: Timestamp(microseconds: max(from, to) * 1_000), bites: bites)
  }
}
