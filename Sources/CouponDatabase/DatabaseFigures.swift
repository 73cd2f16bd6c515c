package import Operations
import EventLoop
package import Postgres

/// The metrics of a pool of database connections.
package enum DatabaseFigures {
  @LoopActor
  package static func register(_ pool: PostgresPool, as name: String, in metrics: Metrics) {
    let labels = [MetricLabel("pool", name)]
    let gauges: [(String, String, @LoopActor (PostgresPoolStatistics) -> Int)] = [
      ("database_pool_size", "The most connections that the pool opens.", { $0.size }),
      ("database_pool_in_use", "Connections at work.", { $0.inUse }),
      ("database_pool_idle", "Connections that wait for work.", { $0.idle }),
      ("database_pool_waiting", "Callers that wait for a connection.", { $0.waiting }),
    ]
    for (gauge, help, read) in gauges {
      metrics.gauge(gauge, help: help, labels: labels) { Double(read(pool.statistics)) }
    }
    metrics.counter("database_pool_opened_total", help: "Connections opened.", labels: labels) {
      Double(pool.statistics.opened)
    }
    metrics.counter("database_pool_discarded_total", help: "Connections discarded.", labels: labels) {
      Double(pool.statistics.discarded)
    }
    pool.onRefusal = { [unowned metrics] sqlState in
      metrics.counter(
        "database_refusals_total", help: "Calls that the database refused, by its SQLSTATE.",
        labels: labels + [MetricLabel("sqlstate", sqlState)]
      ).increment()
    }
  }
}
