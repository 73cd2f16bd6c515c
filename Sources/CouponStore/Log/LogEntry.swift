package import CouponDomain
import Text

/// An entry of the topic: a new policy, or a claim that its position decides.
package enum LogEntry: Hashable, Sendable {
  case policyCreated(PolicyCreated)
  /// `CouponIssued` on the wire. Whether a coupon was issued is known once everything before it has been
  /// folded.
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
  /// A keyed hash of the policy's number, by which a reader detects that its `COUPON_KEY` differs.
  package let keyHash: KeyHash

  package init(eventID: EventID, policy: Policy, keyHash: KeyHash) {
    (self.eventID, self.policy, self.keyHash) = (eventID, policy, keyHash)
  }

  package init(eventID: EventID, policy: Policy, key: CouponKey) {
    self.init(eventID: eventID, policy: policy, keyHash: key.keyHash(of: policy.id))
  }
}

/// The result of decoding a message of the log.
package typealias ReadEntry = Result<LogEntry, UnreadableEntry>

/// Why a message is not an entry.
package enum UnreadableEntry: Error, Hashable, Sendable {
  /// Nothing that this software ever writes: a dead letter for every reader. `reason` is one of a few phrases
  /// and quotes nothing.
  case poison(reason: String)
  /// Our envelope with a type or version unknown to this reader: it must stop, because a newer reader may
  /// understand the message.
  case unknown(reason: String)
}
