import CouponLog
import CouponWorker
import CouponStore
import EventLoop
import Kafka
import Operations
import Postgres

/// How far the database is behind the log; asked before a log that is only in memory ends.
@LoopActor
final class EmbeddedLag {
  private let settings: WorkerSettings
  private let admin: KafkaAdmin
  private let pool: PostgresPool

  /// - Parameter environment: the worker's; nil where it could not have started with it.
  init?(_ environment: [String: String]) {
    guard let settings = try? WorkerSettings.read(environment: environment, arguments: []),
      let admin = try? KafkaAdmin(
        configuration: settings.kafka.client("eda-all"))
    else { return nil }
    (self.settings, self.admin) = (settings, admin)
    pool = PostgresPool(
      configuration: settings.database.configuration, size: 1, maxWaiting: 4,
      sessionSettings: settings.schema.sessionSettings,
      name: "eda-all")
  }

  /// Entries of the log that are not in the database; nil where one of the two does not answer.
  func read() async -> Int64? {
    let (deadline, topic) = (Instant.now + .seconds(5), settings.kafka.topic)
    do {
      let marks = try await admin.watermarks(
        of: topic, partitions: settings.kafka.partitions, patience: .seconds(5))
      // Before the first entry there need not be tables.
      guard marks.contains(where: { $0.high > 0 }) else { return 0 }
      let rows = try await OffsetSQL.all(topic: topic, in: pool, deadline: deadline)
      let next = Dictionary(rows.map { ($0.partition, $0.nextOffset) }) { $1 }
      return marks.lag(behind: next)
    } catch { return nil }
  }

  func close() async {
    await admin.close()
    await pool.close()
  }
}
