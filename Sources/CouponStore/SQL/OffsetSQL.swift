package import EventLoop
package import Postgres

/// How far a partition of the log has been applied, and which log it was.
package struct OffsetRow: Hashable, Sendable {
  package let partition: Int32
  package let nextOffset: Int64
  /// Of the first message's bytes and timestamp; nil until one was applied.
  package let firstHash: [UInt8]?

  package init(partition: Int32, nextOffset: Int64, firstHash: [UInt8]?) {
    (self.partition, self.nextOffset, self.firstHash) = (partition, nextOffset, firstHash)
  }
}

/// Reads and writes of `consumer_offset`: the database, not Kafka, determines where the worker continues.
package enum OffsetSQL {
  private static let ensureRow = PostgresStatement(
    "INSERT INTO consumer_offset (topic, partition, next_offset) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING")

  private static let lockRow = PostgresStatement(
    """
    SELECT partition, next_offset, first_hash FROM consumer_offset WHERE topic = $1 AND partition = $2
    FOR UPDATE
    """, readsOnly: true)

  private static let advanceRow = PostgresStatement(
    """
    UPDATE consumer_offset SET next_offset = $3, first_hash = coalesce(first_hash, $4)
    WHERE topic = $1 AND partition = $2
    """)

  private static let ofTopic = PostgresStatement(
    "SELECT partition, next_offset, first_hash FROM consumer_offset WHERE topic = $1 ORDER BY partition")

  private static let deleteTopic = PostgresStatement("DELETE FROM consumer_offset WHERE topic = $1")

  private static let insertRow = PostgresStatement(
    "INSERT INTO consumer_offset (topic, partition, next_offset, first_hash) VALUES ($1, $2, $3, $4)")

  /// Creates the partition's row if it is missing, and locks it until the transaction ends. The last answer
  /// has the row.
  package static func lock(topic: String, partition: Int32) -> [SQLCall] {
    let values: [PostgresValue] = [.text(topic), .init(partition)]
    return [(ensureRow, values), (lockRow, values)]
  }

  /// The first row of an answer.
  package static func read(_ rows: PostgresRows, _ row: Int = 0) throws(SchemaError) -> OffsetRow {
    guard rows.count > row, let partition = rows.int(row, 0), let next = rows.int(row, 1) else {
      throw .corruptRow(table: "consumer_offset")
    }
    return OffsetRow(partition: Int32(clamping: partition), nextOffset: next, firstHash: rows.bytes(row, 2))
  }

  /// Advances the offset, and stores `firstHash` if none is stored yet.
  package static func advance(
    topic: String, partition: Int32, to next: Int64, firstHash: [UInt8]?
  ) -> SQLCall {
    (advanceRow, [.text(topic), .init(partition), .int(next), firstHash.map { .bytes($0) } ?? .null])
  }

  /// Replaces all rows of the topic: a rebuilt log has started over.
  package static func replace(topic: String, with offsets: [OffsetRow]) -> [SQLCall] {
    [(deleteTopic, [.text(topic)])]
      + offsets.map {
        let hash: PostgresValue = $0.firstHash.map { .bytes($0) } ?? .null
        return (insertRow, [.text(topic), .init($0.partition), .int($0.nextOffset), hash])
      }
  }

  private static let otherSchemas = PostgresStatement(
    """
    SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = 'consumer_offset' AND c.relkind = 'r' AND n.nspname IS DISTINCT FROM $1
      AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    ORDER BY n.nspname
    """)

  /// Another schema of this database whose tables hold something of the topic; nil if there is none.
  @LoopActor
  package static func schema(
    thatRemembers topic: String, besides schema: Schema, in pool: PostgresPool, deadline: Instant
  ) async throws -> Schema? {
    let found = try await pool.query(otherSchemas, [.text(schema.name)], deadline: deadline)
    for other in (0..<found.count).compactMap({ found.text($0, 0) }).compactMap({ Schema($0) }) {
      let applied = PostgresStatement(
        "SELECT 1 FROM \"\(other.name)\".consumer_offset WHERE topic = $1 AND next_offset > 0 LIMIT 1")
      if try await pool.query(applied, [.text(topic)], deadline: deadline).count > 0 { return other }
    }
    return nil
  }

  @LoopActor
  package static func all(
    topic: String, in pool: PostgresPool, deadline: Instant
  ) async throws -> [OffsetRow] {
    let rows = try await pool.query(ofTopic, [.text(topic)], deadline: deadline)
    return try (0..<rows.count).map { try read(rows, $0) }
  }
}
