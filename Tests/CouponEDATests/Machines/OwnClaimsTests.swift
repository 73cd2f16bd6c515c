import CouponDomain
import CouponStore
import Testing
import Text
import CouponEDA

@Suite struct OwnClaimsTests {
  private var claims = OwnClaims(partitions: 2)

  private mutating func send(_ number: UInt64) -> [UInt8] {
    let claim = Sample.claim(number, "p\(number)")
    let bytes = LogCodec.encode(claim)
    claims.add(claim, bytes, partition: 1)
    return bytes
  }

  private func isOwn(_ record: LogRecord) -> Bool {
    if case .own = record { true } else { false }
  }

  @Test mutating func whatComesBackIsKnownAgain() {
    let sent = (1...3).map { send($0) }
    for bytes in sent { #expect(isOwn(claims.record(bytes, partition: 1))) }
    #expect(!isOwn(claims.record(sent[0], partition: 1)))
    #expect(!isOwn(claims.record(send(4), partition: 0)))
  }

  @Test mutating func aFewLostOnesAreLookedBeyond() {
    let sent = (1...4).map { send($0) }
    #expect(isOwn(claims.record(sent[3], partition: 1)))
  }

  @Test mutating func manyLostOnesAreForgottenWithTheirFailure() {
    for number in 1...5 as ClosedRange<UInt64> { _ = send(number) }
    let late = send(6)
    #expect(!isOwn(claims.record(late, partition: 1)))
    claims.forget()
    let next = send(7)
    #expect(isOwn(claims.record(next, partition: 1)))
  }
}
