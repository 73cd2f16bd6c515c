package import CouponDomain
import Secrets
package import Text

/// The key from which every coupon id is derived (`COUPON_KEY`): a retry, a duplicate and a replay give the
/// same id, and nobody can guess an id without the key.
///
/// The input of the keyed hash (BLAKE2b) is unambiguous: a byte for the kind of input, the policy's number
/// and the period's day number in four bytes each, then the person, the last part and the only one of
/// variable length.
package struct CouponKey: Sendable {
  package static let lengths = 16...1024
  private let key: [UInt8]

  /// Nil unless the secret is 16 to 1,024 bytes long.
  package init?(_ secret: String) {
    guard CouponKey.lengths.contains(secret.utf8.count) else { return nil }
    Sodium.prepare()
    key = Sodium.hash(Array(secret.utf8), key: [], count: 32)
  }

  /// The id of this person's coupon of this policy in the period of `day`.
  package func couponID(of user: UserID, on day: Day, _ policy: Policy) -> CouponID {
    let period = policy.period(of: day).number
    let (high, low) = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 9 + UserID.maximumLength) {
      memory in
      var input = TextBuffer(memory)
      input.append(1)
      input.append(bigEndian: policy.id.value)
      input.append(bigEndian: period)
      input.append(ascii: user.description)
      return Sodium.hash128(UnsafeBufferPointer(rebasing: memory[..<input.count]), key: key)
    }
    return CouponID(high: high, low: low)
  }

  /// The claim of a person whose request arrives at `time`, on `day` of the policy.
  package func claim(
    _ eventID: EventID, by user: UserID, on day: Day, of policy: Policy, at time: Timestamp
  ) -> CouponClaim {
    CouponClaim(
      eventID: eventID, couponID: couponID(of: user, on: day, policy), policyID: policy.id, userID: user,
      day: day, issuedAt: time)
  }

  /// Of the key alone: the database keeps it. It is equal for equal keys and gives nothing of them away.
  package var hash: [UInt8] { Sodium.hash([3], key: key, count: 32) }

  /// Part of `PolicyCreated`, so that a reader with another key detects it.
  package func keyHash(of policy: PolicyID) -> KeyHash {
    var input: [UInt8] = [2]
    input.append(bigEndian: policy.value)
    let (high, low) = Sodium.hash128(input, key: key)
    return KeyHash(high: high, low: low)
  }
}

/// A keyed hash of a policy's number; equal for equal keys.
package struct KeyHash: HexIdentifier {
  package let high: UInt64
  package let low: UInt64
  package init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }
}

extension TextBuffer {
  fileprivate mutating func append(bigEndian number: Int32) {
    for shift in [24, 16, 8, 0] as [Int32] { append(UInt8(truncatingIfNeeded: number >> shift)) }
  }
}

extension [UInt8] {
  fileprivate mutating func append(bigEndian number: Int32) {
    for shift in [24, 16, 8, 0] as [Int32] { append(UInt8(truncatingIfNeeded: number >> shift)) }
  }
}
