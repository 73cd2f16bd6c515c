package import CouponDomain
import CouponStore
import EventLoop

/// The claims that this process has sent and not read back yet, by partition: what comes back byte for byte need not be
/// decoded again. Only a shortcut: whatever is not recognised is decoded.
package struct OwnClaims {
  /// Beyond this the oldest is forgotten.
  private static let bound = 4_096
  /// How far a message is looked for behind others that were lost or overtaken.
  private static let reach = 4
  private static let keptBuffers = 1_024

  /// Side by side: a claim is looked at only when its bytes are found.
  private struct Sent {
    var bytes = Deque<[UInt8]>()
    var claims = Deque<CouponClaim>()

    mutating func dropFirst() {
      _ = bytes.popFirst()
      _ = claims.popFirst()
    }
  }

  private var sent: [Sent]
  /// Memory of what came back, for what is sent next.
  private var buffers: [[UInt8]] = []

  package init(partitions: Int) { sent = Array(repeating: Sent(), count: partitions) }

  /// Empty bytes to encode a claim in.
  package mutating func takeBuffer() -> [UInt8] { buffers.popLast() ?? [] }

  package mutating func add(_ claim: CouponClaim, _ bytes: [UInt8], partition: Int) {
    if sent[partition].bytes.count == OwnClaims.bound { sent[partition].dropFirst() }
    sent[partition].bytes.append(bytes)
    sent[partition].claims.append(claim)
  }

  /// Something that was sent may never come back, and would stand before everything that does: what is under way is
  /// decoded, what is sent from now on is known again.
  package mutating func forget() {
    for partition in sent.indices where !sent[partition].bytes.isEmpty { sent[partition] = Sent() }
  }

  /// The claim that came back as the message that has just been read; nil where it is not known.
  package mutating func take(_ bytes: [UInt8], partition: Int) -> CouponClaim? {
    for distance in 0..<min(OwnClaims.reach, sent[partition].bytes.count)
    where OwnClaims.areEqual(sent[partition].bytes[distance], bytes) {
      for _ in 0..<distance { sent[partition].dropFirst() }
      if var buffer = sent[partition].bytes.popFirst(), buffers.count < OwnClaims.keptBuffers {
        buffer.removeAll(keepingCapacity: true)
        buffers.append(buffer)
      }
      return sent[partition].claims.popFirst()
    }
    return nil
  }

  private static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return a.withUnsafeBytes { a in
      b.withUnsafeBytes { b in
        // Eight bytes at a time: this is done for every coupon.
        var offset = 0
        while offset + 8 <= a.count {
          if a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            != b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
          {
            return false
          }
          offset += 8
        }
        return a[offset...].elementsEqual(b[offset...])
      }
    }
  }
}
