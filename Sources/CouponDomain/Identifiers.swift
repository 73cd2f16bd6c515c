import Text

/// A coupon policy's number, 1…2³¹−1.
package struct PolicyID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let value: Int32

  /// Nil outside 1…2³¹−1.
  package init?(_ value: some BinaryInteger) {
    guard let exact = Int64(exactly: value) else { return nil }
    self.init(exact)
  }

  /// The same without a generic call.
  package init?(_ value: Int64) {
    guard let exact = Int32(exactly: value), exact >= 1 else { return nil }
    self.value = exact
  }

  /// The next higher id; nil above the last.
  package var next: PolicyID? { PolicyID(Int64(value) + 1) }

  /// The id for a policy that names none: the one after the highest that is taken. If that is the last
  /// possible id, the lowest free one: a policy with the last id must not prevent further ones. Nil if none
  /// is free.
  ///
  /// - Parameters:
  ///   - highest: the highest id that is taken.
  ///   - lowestFree: called only if it is needed.
  package static func free(
    above highest: PolicyID?, lowestFree: () async throws -> PolicyID?
  ) async rethrows -> PolicyID? {
    guard let highest else { return PolicyID(1) }
    if let next = highest.next { return next }
    return try await lowestFree()
  }

  /// The lowest id that is not in `taken`, which is sorted.
  package static func lowestFree(besides taken: some Sequence<PolicyID>) -> PolicyID? {
    var candidate = PolicyID(1)
    for id in taken {
      guard id == candidate else { break }
      candidate = id.next
    }
    return candidate
  }

  package var description: String { String(value) }
  @inline(__always) package static func == (a: PolicyID, b: PolicyID) -> Bool { a.value == b.value }
  package static func < (a: PolicyID, b: PolicyID) -> Bool { a.value < b.value }
}

/// A person, as named by the gateway in front of the servers: ASCII `[A-Za-z0-9._-]{1,64}`.
///
/// Only ASCII, because Swift, Redis and PostgreSQL disagree on the equality of other strings.
package struct UserID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package static let maximumLength = 64
  package let description: String
  /// Computed once, because tables look the person up repeatedly.
  private let hash: Int

  package func hash(into hasher: inout Hasher) { hasher.combine(hash) }

  /// What tables, and `hashValue`, ask for: `hash` is keyed already. The table's own seed is mixed in, so that tables differ
  /// in their order, and no two hashes become one.
  package func _rawHashValue(seed: Int) -> Int {
    let mixed = UInt(bitPattern: hash ^ seed) &* 0x9E37_79B9_7F4A_7C15
    return Int(bitPattern: mixed ^ mixed >> 32)
  }

  package static func == (a: UserID, b: UserID) -> Bool { a.hash == b.hash && a.description == b.description }

  /// Nil if the text breaks the rule above.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    self.init(ascii: bytes.span)
  }

  /// The same from bytes.
  package init?(ascii bytes: Span<UInt8>) {
    guard !bytes.isEmpty, bytes.count <= UserID.maximumLength else { return nil }
    guard bytes.withUnsafeBufferPointer({ $0.allSatisfy(UserID.admits) }) else { return nil }
    description = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    var hasher = Hasher()
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    hash = hasher.finalize()
  }

  package static func admits(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  package static func < (a: UserID, b: UserID) -> Bool { a.description < b.description }
}

/// Identifies one domain event; drawn at random when the event is created.
package struct EventID: HexIdentifier {
  package let high: UInt64
  package let low: UInt64
  package init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }
}

/// Derived with a keyed hash from (policy, person, period), so that a retry, a duplicate and a replay have
/// the same id.
package struct CouponID: HexIdentifier {
  package let high: UInt64
  package let low: UInt64
  package init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }
}
