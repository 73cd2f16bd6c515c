import EventLoop
import Kafka
import CouponStore
import Postgres
import History

/// How far the database is behind the log, asked of both themselves.
@LoopActor
final class LagReader {
  private let admin: KafkaAdmin?
  private let pool: PostgresPool?
  private let topic: String
  private let partitions: Int

  init(_ state: LabState) {
    (topic, partitions) = (state.topic, state.log?.partitions ?? 0)
    admin = state.log.flatMap {
      try? KafkaAdmin(configuration: $0.client("lab"))
    }
    pool = try? state.pool(of: .eda)
  }

  /// Entries of the log that are not in the database yet; nil where one of the two does not answer.
  func read() async -> Int64? {
    guard let admin, let pool else { return nil }
    let deadline = Instant.now + .seconds(5)
    do {
      let rows = try await OffsetSQL.all(topic: topic, in: pool, deadline: deadline)
      let next = Dictionary(uniqueKeysWithValues: rows.map { ($0.partition, $0.nextOffset) })
      return try await admin.watermarks(of: topic, partitions: partitions, patience: .seconds(5)).lag(
        behind: next)
    } catch { return nil }
  }

  func close() async {
    await admin?.close()
    await pool?.close()
  }
}
