import CouponDomain
import CouponStore
package import EventLoop
import Postgres
import Text
package import History
import Terminal
package import Verify

/// Waits until the projections have come to rest, then reads every ledger.
@LoopActor
package enum EvidenceReader {
  /// - Parameters:
  ///   - faults: by the machine's clock, as the histories.
  ///   - clockOffset: microseconds by which the programs' clock is ahead of the machine's; nil: as the laboratory's
  ///     program was started. The evidence is by the programs' clock.
  ///   - patience: seconds that the projections are given; a lag that is left then is a breach.
  ///   - settled: how long the projections took before, where that was waited for already.
  ///   - onWait: is called with the lag while the reader waits for it.
  /// - Throws: `LabFailure` where a ledger cannot be read; Redis' may be missing, for it proves nothing.
  package static func read(
    _ state: LabState, _ histories: [History], faults: [FaultRecord] = [], clockOffset: Int64? = nil,
    patience: Double = Settling.limitSeconds, settled: Settling? = nil,
    onWait: @LoopActor (Int64?) -> Void = { _ in }
  ) async throws -> Evidence {
    guard let run = histories.first?.run else { throw LabFailure("there is no history to verify") }
    guard histories.allSatisfy({ $0.run.architecture == run.architecture && $0.run.policyID == run.policyID })
    else { throw LabFailure("the histories are of different architectures or policies") }
    let subject = Evidence.Subject(
      architecture: run.architecture, policyID: run.policyID, strategy: run.strategy)
    return try await read(
      state, subject, .timed, faults: faults, clockOffset: clockOffset, patience: patience, settled: settled,
      onWait: onWait
    ) { _ in histories }
  }

  /// The same with histories that can only be read beside the tables, or with none.
  package static func read(
    _ state: LabState, _ subject: Evidence.Subject, _ clients: ClientEvidence, faults: [FaultRecord] = [],
    clockOffset: Int64? = nil, patience: Double = Settling.limitSeconds, settled: Settling? = nil,
    onWait: @LoopActor (Int64?) -> Void = { _ in },
    histories: @LoopActor (DatabaseEvidence) throws -> [History]
  ) async throws -> Evidence {
    var settling = await settle(state, subject.architecture, patience, onWait: onWait)
    settling.seconds = max(settling.seconds, settled?.seconds ?? 0)
    let pool = try state.pool(of: subject.architecture)
    defer { EventLoop.shared.spawn { await pool.close() } }
    let reader = DatabaseReader(pool)
    do {
      guard let recorded = try await reader.policy(subject.policyID) else {
        throw LabFailure("policy \(subject.policyID) is not in the database")
      }
      let database = try await reader.evidence(of: recorded, topic: state.topic)
      let histories = try histories(database)
      var policy = created(in: database.events) ?? recorded
      var log: LogEvidence?
      var gate: GateEvidence?
      if subject.architecture == .eda {
        guard let place = state.log else { throw LabFailure("the laboratory has no log") }
        log = try await LogReader(state, place, policy: policy.id).read()
        policy = log?.policy ?? policy
        gate = await GateReader.read(state, policy, days: days(histories, database))
      }
      var evidence = Evidence(
        architecture: subject.architecture, strategy: subject.strategy, policy: policy,
        histories: histories, log: log, database: database, gate: gate, settling: settling, faults: faults)
      evidence.clients = clients
      let settings = state.part(subject.architecture.api)?.settings
      evidence.programStrategy = settings.map { named in
        named["COUPON_STRATEGY"].flatMap { $0.isEmpty ? nil : $0 } ?? subject.architecture.defaultStrategy
      }
      let offset = settings?["CLOCK_OFFSET_MS"].flatMap { Int64($0) }.map { $0 * 1_000 }
      evidence.moveToProgramsClock(byMicroseconds: clockOffset ?? offset ?? 0)
      return evidence
    } catch let error as PostgresError { throw LabFailure("the database cannot be read: \(error)") }
  }

  /// The policy as the event that created it has it.
  private static func created(in events: [DatabaseEvidence.EventRow]) -> Policy? {
    for event in events { if case .policy(let policy) = event.content { return policy } }
    return nil
  }

  private static func days(_ histories: [History], _ database: DatabaseEvidence) -> Set<Day> {
    Set(database.coupons.map(\.day)).union(histories.flatMap { $0.coupons.compactMap(\.day) })
  }

  /// Waits for lag 0, as long as healing may take.
  ///
  /// - Parameter pause: between two looks, each of which costs the servers something.
  package static func settle(
    _ state: LabState, _ architecture: Architecture, _ patience: Double = Settling.limitSeconds,
    every pause: Duration = .milliseconds(50), onWait: @LoopActor (Int64?) -> Void = { _ in }
  ) async -> Settling {
    guard architecture == .eda else { return Settling(lag: 0, seconds: 0) }
    let reader = LagReader(state)
    let start = Instant.now
    var lag: Int64?
    var seconds = 0.0
    repeat {
      lag = await reader.read()
      seconds = (.now - start).milliseconds / 1_000
      onWait(lag)
      if lag == 0 { break }
      await EventLoop.shared.sleep(for: pause)
    } while seconds < patience
    await reader.close()
    return Settling(lag: lag ?? .max, seconds: seconds)
  }
}
