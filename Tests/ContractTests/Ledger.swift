import EventLoop
import Kafka
import Postgres

/// What the database and the log hold, asked directly: the servers' own word is not enough.
@LoopActor
final class Ledger {
  struct Row: Equatable {
    let user: String
    let rank: Int
    let couponID: String
  }

  private let pool: PostgresPool
  private let schema: String
  private let log: (admin: KafkaAdmin, topic: String)?

  init(url: String, schema: String, log: (configuration: KafkaConfiguration, topic: String)?) throws {
    pool = PostgresPool(
      configuration: try PostgresConfiguration(url: url), size: 1, maxWaiting: 100, sessionSettings: [:],
      name: "contract")
    self.schema = schema
    self.log = try log.map { (try KafkaAdmin(configuration: $0.configuration), $0.topic) }
  }

  private func query(_ sql: String, _ values: [PostgresValue] = []) async throws -> PostgresRows {
    try await pool.query(PostgresStatement(sql), values, deadline: .now + .seconds(20))
  }

  /// The coupons of a policy in the order of their ranks.
  func coupons(of policy: Int) async throws -> [Row] {
    let rows = try await query(
      "SELECT user_id, rank, coupon_id::text FROM \(schema).coupon WHERE policy_id = $1 ORDER BY rank",
      [.int(Int64(policy))])
    return (0..<rows.count).map { row in
      Row(
        user: rows.text(row, 0) ?? "", rank: Int(rows.int(row, 1) ?? 0),
        couponID: (rows.text(row, 2) ?? "").replacing("-", with: ""))
    }
  }

  /// Who won, by the recorded events, in the order of their ranks.
  func winners(of policy: Int) async throws -> [String] {
    let rows = try await query(
      "SELECT user_id FROM \(schema).coupon_event WHERE policy_id = $1 AND type = 'CouponIssued' ORDER BY rank",
      [.int(Int64(policy))])
    return (0..<rows.count).map { rows.text($0, 0) ?? "" }
  }

  /// The day's counters of a policy.
  func issued(of policy: Int) async throws -> [Int64?] {
    let rows = try await query(
      "SELECT issued FROM \(schema).policy_day WHERE policy_id = $1 AND issued > 0", [.int(Int64(policy))])
    return (0..<rows.count).map { rows.int($0, 0) }
  }

  /// Waits until the database has taken in the whole log; at once where there is none.
  func lagIsZero(within limit: Duration = .seconds(60)) async throws {
    guard let log else { return }
    let deadline = Instant.now + limit
    while Instant.now < deadline {
      let rows = try await query(
        "SELECT partition, next_offset FROM \(schema).consumer_offset WHERE topic = $1", [.text(log.topic)])
      var next: [Int32: Int64] = [:]
      for row in 0..<rows.count { next[Int32(rows.int(row, 0) ?? -1)] = rows.int(row, 1) }
      if try await isApplied(next, log.admin, log.topic, deadline) { return }
      await EventLoop.shared.sleep(for: .milliseconds(50))
    }
    throw ContractFailure("the worker does not catch up")
  }

  private func isApplied(
    _ next: [Int32: Int64], _ admin: KafkaAdmin, _ topic: String, _ deadline: Instant
  ) async throws -> Bool {
    guard let partitions = try await admin.describe(topic, deadline: deadline).topic?.partitions else {
      return false
    }
    return try await admin.watermarks(of: topic, partitions: partitions, patience: deadline - .now)
      .lag(behind: next) == 0
  }
}
