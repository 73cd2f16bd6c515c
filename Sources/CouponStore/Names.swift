package import CouponDomain
package import Text

/// The names of topic, group and keys on their servers; a lab on shared servers adds its own prefix.
package enum Names {
  package static let topic = "TimeAttackCouponIssue"

  /// The worker's consumer group; its offset in Kafka is only a hint.
  package static func consumerGroup(topic: String) -> String { "\(topic).worker" }

  /// The key of a log entry: all entries of a policy share one partition and have one order.
  package static func logKey(of policy: PolicyID) -> [UInt8] { Array(policy.description.utf8) }

  /// The set of people admitted by Redis. The braces put all keys of a policy on one slot of a cluster.
  package static func issuedUsers(of policy: PolicyID, on day: Day, prefix: String = "") -> String {
    "\(prefix)timeattack:{\(policy)}:\(day):issued:users"
  }

  /// The set on which a program tries whether Redis carries out what it needs; empty but for an instant. No policy has the
  /// number 0, and the name begins and ends like a day's set, so that what a role may do there it may do here.
  package static func gateTrial(prefix: String = "") -> String {
    "\(prefix)timeattack:{0}:trial:issued:users"
  }

  /// The pattern that matches all of these keys, for `lab reset`.
  package static func issuedUsersPattern(prefix: String = "") -> String {
    "\(prefix)timeattack:{*}:*:issued:users"
  }
}
