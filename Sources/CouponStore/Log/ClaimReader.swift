import CouponDomain
import Text

/// Reads a claim exactly as `LogCodec.encode` writes it: most of every log. What is written in any other way, valid or not,
/// is for the general reader, which says the same of these.
struct ClaimReader {
  private var position = 0

  /// Nil unless the text is one of ours, whole.
  static func read(_ bytes: [UInt8]) -> CouponClaim? {
    var reader = ClaimReader()
    return reader.claim(bytes.span)
  }

  private mutating func claim(_ text: Span<UInt8>) -> CouponClaim? {
    guard take(#"{"type":"CouponIssued","version":1,"eventId":""#, text),
      let eventID = next(32, text, { EventID(ascii: $0) }), take(#"","policyId":"#, text),
      let policyID = policyID(text), take(#","userId":""#, text),
      let userID = untilQuote(text, { UserID(ascii: $0) }), take(#"","day":""#, text),
      let day = next(10, text, { Day(ascii: $0) }), Timestamp.years.contains(day.civil.year),
      take(#"","couponId":""#, text), let couponID = next(32, text, { CouponID(ascii: $0) }),
      take(#"","issuedAt":""#, text), let issuedAt = untilQuote(text, { Timestamp(ascii: $0) }),
      take(#""}"#, text), position == text.count
    else { return nil }
    return CouponClaim(
      eventID: eventID, couponID: couponID, policyID: policyID, userID: userID, day: day, issuedAt: issuedAt)
  }

  private mutating func take(_ expected: StaticString, _ text: Span<UInt8>) -> Bool {
    let end = position + expected.utf8CodeUnitCount
    guard end <= text.count else { return false }
    let start = expected.utf8Start
    for index in position..<end where text[index] != start[index - position] { return false }
    position = end
    return true
  }

  private mutating func next<T>(_ length: Int, _ text: Span<UInt8>, _ parse: (Span<UInt8>) -> T?) -> T? {
    let end = position + length
    guard end <= text.count else { return nil }
    defer { position = end }
    return parse(text.extracting(position..<end))
  }

  private mutating func untilQuote<T>(_ text: Span<UInt8>, _ parse: (Span<UInt8>) -> T?) -> T? {
    var end = position
    while end < text.count, text[end] != UInt8(ascii: "\"") { end += 1 }
    return next(end - position, text, parse)
  }

  /// A number as JSON has it: no zero before it.
  private mutating func policyID(_ text: Span<UInt8>) -> PolicyID? {
    let start = position
    var number: Int64 = 0
    while position < text.count, position - start < 10 {
      let digit = text[position]
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { break }
      number = number * 10 + Int64(digit - UInt8(ascii: "0"))
      position += 1
    }
    guard position > start, text[start] != UInt8(ascii: "0") else { return nil }
    return PolicyID(number)
  }
}
