package import CouponDomain
import EventLoop
package import Text
package import History

/// One run of the load, fixed before it begins.
package struct LoadPlan: Sendable {
  package var crowd: Crowd
  package var retries: Retries
  package var architecture: Architecture
  package var strategy: String
  package var policyID: PolicyID
  /// People are called by this and their number; another run's people must be called otherwise.
  package var namePrefix: String
  /// When the crowd is let in.
  package var opening: Timestamp
  /// What the servers were told to answer within.
  package var deadline: Duration
  /// How long a client waits for an answer; longer than the servers' deadline.
  package var patience: Duration
  /// Connections at most; people beyond them wait for one, and their latency counts that.
  package var connections: Int
  package var bystanderPerSecond: Double
  /// How long the bystander goes on when everybody of the crowd has their answer.
  package var after: Duration
  /// Who comes, by number; nil: everybody from 0 on.
  package var persons: [UInt32]?
  /// So many people at a time, each as soon as another has their answer, from the opening on; nil: by the schedule.
  package var concurrent: Int?
  /// Holders and people who come too late, beside the crowd.
  package var probes: ProbePlan?

  package init(
    crowd: Crowd, attempts: Int, architecture: Architecture, strategy: String, policyID: PolicyID,
    namePrefix: String, opening: Timestamp, deadline: Duration = .seconds(2),
    patience: Duration = .seconds(5),
    connections: Int = 10_000, bystanderPerSecond: Double = 40, after: Duration = .seconds(5)
  ) {
    self.crowd = crowd
    retries = Retries(attempts: attempts, seed: crowd.seed)
    (self.architecture, self.strategy, self.policyID) = (architecture, strategy, policyID)
    (self.namePrefix, self.opening, self.deadline) = (namePrefix, opening, deadline)
    (self.patience, self.connections) = (patience, connections)
    (self.bystanderPerSecond, self.after) = (bystanderPerSecond, after)
  }
}
