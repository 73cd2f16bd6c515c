package import CouponStore
package import EventLoop
package import Faults
package import Operations
package import Postgres

/// Opens pools over a program's tables, all with the same limits, metrics and fault switches. They share what connections
/// the server gives.
///
/// The server's limits are shorter than a call's deadline: a call that its client has given up holds no lock
/// for long.
@LoopActor
package struct DatabasePools {
  private let settings: DatabaseSettings
  private let deadline: Duration
  private let session: [String: String]
  private let metrics: Metrics
  private let faults: FaultBoard?
  private let group: PoolGroup

  /// - Parameters:
  ///   - deadline: of one call.
  ///   - session: further session settings of the program's connections.
  ///   - log: is told once what the database refuses, and when that is over.
  package init(
    _ settings: DatabaseSettings, _ schema: Schema, deadline: Duration, session: [String: String] = [:],
    log: Log, metrics: Metrics, faults: FaultBoard?
  ) {
    func milliseconds(_ duration: Duration) -> String { "\(max(1, Int(duration.milliseconds)))ms" }
    let limits = [
      "statement_timeout": milliseconds(deadline),
      "lock_timeout": milliseconds(deadline * 3 / 4),
      "idle_in_transaction_session_timeout": milliseconds(deadline / 2),
      "client_connection_check_interval": milliseconds(min(deadline / 4, .milliseconds(250))),
    ]
    (self.settings, self.deadline, self.metrics) = (settings, deadline, metrics)
    self.session = schema.sessionSettings.merging(limits) { $1 }.merging(session) { $1 }
    self.faults = faults
    group = PoolGroup(log: log)
    let ignored = LibraryEnvironment.ignored
    if !ignored.isEmpty {
      log.warning(
        "libpq's variables are ignored; DATABASE_URL says everything",
        ["names": ignored.joined(separator: " ")])
    }
  }

  /// - Parameters:
  ///   - name: the connections' name on the server.
  ///   - label: the pool's label in `/metrics`.
  ///   - size: the most connections; nil: `DATABASE_POOL`.
  ///   - maxWaiting: the most callers that wait for a connection.
  package func open(
    _ name: String, label: String = "database", size: Int? = nil, maxWaiting: Int
  ) -> PostgresPool {
    let pool = PostgresPool(
      configuration: settings.configuration, size: size ?? settings.pool, maxWaiting: maxWaiting,
      sessionSettings: session, name: name, reserve: deadline / 10,
      seam: faults.map { SwitchedServer($0, .database) }, group: group)
    DatabaseFigures.register(pool, as: label, in: metrics)
    return pool
  }
}
