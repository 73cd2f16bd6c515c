/// What `lab bench scaling` writes, and `scripts/scaling` reads.
struct ScalingFigures: Codable {
  /// A closed loop; costs are processor microseconds an answer, by station.
  struct Load: Codable {
    var connections: Int
    var rate: Double
    var p50Ms: Double
    var p99Ms: Double
    var cost: [String: Double]
  }

  struct Drain: Codable {
    var rows: Int
    var rate: Double
    var cost: [String: Double]
  }

  struct Policies: Codable {
    var policies: Int
    var partitions: Int
    var accepted: Load
    var many: Load
    var drain: Drain
  }

  struct Table: Codable {
    var rows: Int64
    var indexes: Int64
  }

  struct Stock: Codable {
    var coupons: Int
    var soldSeconds = 0.0
    /// Peaks of resident memory, in bytes.
    var apiBeforeBytes = 0
    var apiBytes = 0
    var redisBytes = 0
    var logBytes = 0
    var startSeconds = 0.0
    var startCPUSeconds = 0.0
    var startPeakBytes = 0
    var drain: Drain?
    var tables: [String: Table] = [:]

    init(coupons: Int) { self.coupons = coupons }
  }

  var cores: Int?
  var accepted: [Load]?
  var soldOut: Load?
  /// With the worker beside it.
  var withWorker: Load?
  var drain: Drain?
  var policies: [Policies]?
  var stock: Stock?
}
