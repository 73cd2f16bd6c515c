package import CouponDomain
package import Text

/// The names under which the ledgers are found on their servers; a lab on named servers puts a prefix of its
/// own before them.
package enum Names {
  package static let topic = "TimeAttackCouponIssue"

  /// The worker's consumer group; Kafka's own offset of it is only a hint.
  package static func consumerGroup(topic: String) -> String { "\(topic).worker" }

  /// The key of an entry of the log: one policy, one partition, one order.
  package static func logKey(of policy: PolicyID) -> [UInt8] { Array(policy.description.utf8) }

  /// The set of people whom Redis has admitted. The braces put all keys of a policy on one slot of a cluster.
  package static func issuedUsers(of policy: PolicyID, on day: Day, prefix: String = "") -> String {
    "\(prefix)timeattack:{\(policy)}:\(day):issued:users"
  }

  /// The pattern that finds all of these keys, for `lab reset`.
  package static func issuedUsersPattern(prefix: String = "") -> String {
    "\(prefix)timeattack:{*}:*:issued:users"
  }
}
