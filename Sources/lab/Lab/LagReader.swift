package import EventLoop
import Kafka
import Postgres

/// How far the database is behind the log, asked of both themselves.
@LoopActor
package final class LagReader {
  private let admin: KafkaAdmin?
  private let pool: PostgresPool?
  private let topic: String
  private let partitions: Int
  private static let offsets = PostgresStatement(
    "SELECT partition, next_offset FROM consumer_offset WHERE topic = $1")

  package init(_ state: LabState) {
    (topic, partitions) = (state.topic, state.log?.partitions ?? 0)
    admin = state.log.flatMap {
      try? KafkaAdmin(configuration: KafkaConfiguration(brokers: $0.brokers, clientID: "lab"))
    }
    pool = state.database.flatMap { try? PostgresConfiguration(url: $0.url) }.map {
      PostgresPool(
        configuration: $0, size: 1, maxWaiting: 4, sessionSettings: ["search_path": state.schema(of: .eda)],
        name: "lab")
    }
  }

  /// Entries of the log that are not in the database yet; nil where one of the two does not answer.
  package func read() async -> Int64? {
    guard let admin, let pool else { return nil }
    let deadline = Instant.now + .seconds(5)
    do {
      var next: [Int32: Int64] = [:]
      let rows = try await pool.query(LagReader.offsets, [.text(topic)], deadline: deadline)
      for row in 0..<rows.count {
        if let partition = rows.int(row, 0), let offset = rows.int(row, 1) { next[Int32(partition)] = offset }
      }
      return try await admin.watermarks(of: topic, partitions: partitions, deadline: deadline).lag(
        behind: next)
    } catch { return nil }
  }

  package func close() async {
    await admin?.close()
    await pool?.close()
  }
}
