package import CouponDomain
import Text

/// What the topic carries: a policy that begins, or a claim that its position decides.
package enum LogEntry: Hashable, Sendable {
  case policyCreated(PolicyCreated)
  /// `CouponIssued` on the wire: whether it issued one is known when everything before it has been folded.
  case claim(CouponClaim)

  package var policyID: PolicyID {
    switch self {
    case .policyCreated(let created): created.policy.id
    case .claim(let claim): claim.policyID
    }
  }
}

package struct PolicyCreated: Hashable, Sendable {
  package let eventID: EventID
  package let policy: Policy
  /// A keyed hash of the policy's number: a reader with another `COUPON_KEY` notices.
  package let keyHash: KeyHash

  package init(eventID: EventID, policy: Policy, keyHash: KeyHash) {
    (self.eventID, self.policy, self.keyHash) = (eventID, policy, keyHash)
  }

  package init(eventID: EventID, policy: Policy, key: CouponKey) {
    self.init(eventID: eventID, policy: policy, keyHash: key.keyHash(of: policy.id))
  }
}

/// What a message of the log was read as.
package typealias ReadEntry = Result<LogEntry, UnreadableEntry>

/// Why a message is no entry.
package enum UnreadableEntry: Error, Hashable, Sendable {
  /// Nothing that we ever write: a dead letter for every reader. `reason` is one of few phrases and quotes
  /// nothing.
  case poison(reason: String)
  /// Our envelope with a type or version that this reader does not know: it must stop, for a newer one may
  /// read it.
  case unknown(reason: String)
}
