package import CouponDomain
package import CouponStore
import Kafka

extension LogLedger {
  /// A ledger for a log with so many partitions, its keys spread as Kafka's own clients spread them.
  package init(key: CouponKey, partitions: Int) {
    self.init(key: key, partitionOf: { LogLedger.partition(of: $0, of: partitions) })
  }

  package static func partition(of policy: PolicyID, of partitions: Int) -> Int32 {
    murmur2Partition(key: Names.logKey(of: policy), partitions: partitions)
  }
}
