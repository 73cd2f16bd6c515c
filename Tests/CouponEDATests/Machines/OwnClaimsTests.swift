import CouponAdmission
import CouponDomain
import CouponStore
import TestSupport
import Testing
import Text

@Suite(.limited) struct OwnClaimsTests {
  private var claims = OwnClaims(partitions: 2)

  private mutating func send(_ number: UInt64) -> [UInt8] {
    let claim = Sample.claim(number, "p\(number)")
    let bytes = LogCodec.encode(claim)
    claims.add(claim, bytes, partition: 1)
    return bytes
  }

  @Test mutating func whatComesBackIsKnownAgain() {
    let sent = (1...3).map { send($0) }
    for bytes in sent { #expect(claims.take(bytes, partition: 1) != nil) }
    #expect(claims.take(sent[0], partition: 1) == nil)
    #expect(claims.take(send(4), partition: 0) == nil)
  }

  @Test mutating func aFewLostOnesAreLookedBeyond() {
    let sent = (1...4).map { send($0) }
    #expect(claims.take(sent[3], partition: 1) != nil)
  }

  @Test mutating func manyLostOnesAreForgottenWithTheirFailure() {
    for number in 1...5 as ClosedRange<UInt64> { _ = send(number) }
    let late = send(6)
    #expect(claims.take(late, partition: 1) == nil)
    claims.forget()
    let next = send(7)
    #expect(claims.take(next, partition: 1) != nil)
  }
}
