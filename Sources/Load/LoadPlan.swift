package import CouponDomain
import EventLoop
package import Text
package import History

/// One run of the load, fixed before it begins.
package struct LoadPlan: Sendable {
  /// The crowd and the bystander; the quota is the policy's.
  package var options: LoadOptions
  package var architecture: Architecture
  package var strategy: String
  package var policyID: PolicyID
  /// People are called by this and their number; another run's people must be called otherwise.
  package var namePrefix: String
  /// When the crowd is let in.
  package var opening: Timestamp
  /// The numbers of the people who come; nil: all, from 0 on.
  package var persons: [UInt32]?
  /// Holders and people who come too late, beside the crowd.
  package var probes: ProbePlan?

  package init(
    _ options: LoadOptions, _ architecture: Architecture, policyID: PolicyID, opening: Timestamp
  ) {
    (self.options, self.architecture) = (options, architecture)
    (self.policyID, self.opening) = (policyID, opening)
    (strategy, namePrefix) = (architecture.defaultStrategy, "p\(options.seed)-")
  }

  /// Without a bystander, probes and what follows the last answer.
  package mutating func endsWithCrowd() {
    (options.bystanderPerSecond, options.after, probes) = (0, .zero, nil)
  }
}
