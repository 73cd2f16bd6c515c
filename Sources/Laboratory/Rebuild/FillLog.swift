import EventLoop
import Foundation
import Postgres
import Terminal
import History

extension Lab {
  /// An embedded broker begins empty. Where the database has events of an earlier run, the log is filled from them before
  /// any API opens: a log that had lost its beginning would decide wrongly. Where it has applied a log that held nothing
  /// for its tables (dead letters alone), it forgets that: the new log begins at 0.
  func fillEmbeddedLog() async throws {
    guard try await hasAppliedLog(), let log = state.log else { return }
    _ = try await fillLog(log)
  }

  /// Whether the event-driven version has tables, and a log was applied to them.
  private func hasAppliedLog() async throws -> Bool {
    guard state.database != nil else { return false }
    let pool = try state.pool(of: .eda)
    defer { EventLoop.shared.spawn { await pool.close() } }
    let deadline = Instant.now + .seconds(10)
    guard try await DatabaseReader(pool).hasTables() else { return false }
    let applied = try await pool.query(
      PostgresStatement(
        """
        SELECT EXISTS (SELECT 1 FROM coupon_event)
          OR EXISTS (SELECT 1 FROM consumer_offset WHERE topic = $1 AND next_offset > 0)
        """), [.text(state.topic)], deadline: deadline)
    return applied.bool(0, 0) == true
  }

  /// Fills a new log from the events table.
  package func fillLog(_ log: LabState.Log) async throws -> Int {
    let pool = try state.pool(of: .eda)
    defer { EventLoop.shared.spawn { await pool.close() } }
    let progress = PhaseProgress("rebuild: the log")
    defer { progress.abandon() }
    let events = try await LogRebuild(
      pool, log, topic: state.topic,
      replicas: ProcessInfo.processInfo.environment["KAFKA_REPLICAS"].flatMap { Int($0) }
    ).run()
    progress.end("\(Numbers.count(events)) events")
    return events
  }
}
