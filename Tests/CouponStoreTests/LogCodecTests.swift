import TestSupport
import CouponDomain
import CouponStore
import Testing
import Text

@Suite(.limited) struct LogCodecTests {
  static let claimText =
    #"{"type":"CouponIssued","version":1,"eventId":"000000000000000e0000000000000001","policyId":1,"#
    + #""userId":"ann","day":"2026-07-01","couponId":"1dc5330861ab8954ced22bd00e7cb6ff","#
    + #""issuedAt":"2026-07-01T13:00:00.000001Z"}"#

  static let policyText =
    #"{"type":"PolicyCreated","version":1,"eventId":"00000000000000000000000000000007","policyId":1,"#
    + #""name":"여름 \"첫\" \\ 쿠폰","startsOn":"2026-07-01","endsOn":"2026-07-07","opensAt":"10:00:00","#
    + #""timeZone":"Asia/Seoul","dailyQuota":2,"perPerson":"once","#
    + #""keyHash":"e1457b77474c68d36628d738e9faa3c5"}"#

  private func decode(_ text: String) throws -> LogEntry { try LogCodec.decode(Array(text.utf8)) }

  private func failure(_ bytes: [UInt8]) -> UnreadableEntry? {
    do {
      _ = try LogCodec.decode(bytes)
      return nil
    } catch {
      return error
    }
  }

  private func reason(_ text: String) -> String? {
    guard case .poison(let reason) = failure(Array(text.utf8)) else { return nil }
    return reason
  }

  @Test func aClaimIsWrittenAsEver() throws {
    let claim = try Make.claim("ann", of: Make.policy())
    #expect(String(decoding: LogCodec.encode(claim), as: UTF8.self) == Self.claimText)
    #expect(try decode(Self.claimText) == .claim(claim))
  }

  @Test func aPolicyIsWrittenAsEver() throws {
    let created = PolicyCreated(
      eventID: EventID(high: 0, low: 7), policy: try Make.policy(name: #"여름 "첫" \ 쿠폰"#), key: try Make.key())
    #expect(String(decoding: LogCodec.encode(created), as: UTF8.self) == Self.policyText)
    #expect(try decode(Self.policyText) == .policyCreated(created))
  }

  @Test func orderSpaceEscapesAndOtherFieldsDoNotMatter() throws {
    let text = """
       { "extra" : [1, -2.5e+3, {"a": [null, true, false, "\\u00e9 \\ud83d\\ude00 \\/"]}, []], "more": {},
      \t"issuedAt":"2026-07-01T13:00:00.000001Z","couponId":"1dc5330861ab8954ced22bd00e7cb6ff",
       "day":"2026\\u002d07-01","user\\u0049d":"\\u0061nn","policyId":1 ,"eventId":"000000000000000e0000000000000001",
       "version":1,"type":"Coupon\\u0049ssued"}\r\n
      """
    #expect(try decode(text) == decode(Self.claimText))
  }

  @Test(arguments: [
    ("", "not a JSON object"), ("null", "not a JSON object"), ("[]", "not a JSON object"), ("{}", "no type"),
    ("{", "not a JSON object"), ("{}}", "not a JSON object"), ("{} {}", "not a JSON object"),
    ("\u{feff}{}", "not a JSON object"), (#"{"a":1,}"#, "not a JSON object"),
    (#"{"a" 1}"#, "not a JSON object"),
    (#"{"a":01}"#, "not a JSON object"), (#"{"a":+1}"#, "not a JSON object"),
    (#"{"a":1.}"#, "not a JSON object"),
    (#"{"a":.5}"#, "not a JSON object"), (#"{"a":1e}"#, "not a JSON object"),
    (#"{"a":-}"#, "not a JSON object"),
    (#"{"a":NaN}"#, "not a JSON object"), (#"{"a":tru}"#, "not a JSON object"),
    (#"{'a':1}"#, "not a JSON object"),
    (#"{"a":"\x"}"#, "not a JSON object"), (#"{"a":"\u12"}"#, "not a JSON object"),
    (#"{"a":"b"#, "not a JSON object"),
    (#"{"a":[1,]}"#, "not a JSON object"), (#"{"a":{"b"}}"#, "not a JSON object"),
    (#"{"a":1}x"#, "not a JSON object"),
    (#"{"a":"\u0000"}"#, "text that no table holds"), (#"{"a":"\ud800"}"#, "text that no table holds"),
    (#"{"a":"\udc00"}"#, "text that no table holds"), (#"{"a":"\ud800\u0041"}"#, "text that no table holds"),
    (#"{"a":"\n"}"#, "text that no table holds"), ("{\"a\":\"\n\"}", "text that no table holds"),
    ("{\"a\":\"\u{0}\"}", "text that no table holds"), ("{\"a\":\"\u{7f}\"}", "text that no table holds"),
    ("{\"a\":\"\u{85}\"}", "text that no table holds"), (#"{"a\u0007":1}"#, "text that no table holds"),
    (#"{"type":"x","type":"x"}"#, "a field twice"), (#"{"type":"x","t\u0079pe":"x"}"#, "a field twice"),
    (#"{"hello":"world"}"#, "no type"), (#"{"type":"order"}"#, "no version"), (#"{"version":2}"#, "no type"),
    (#"{"type":1,"version":1}"#, "malformed type"), (#"{"type":"order","version":"2"}"#, "malformed version"),
    (#"{"type":"order","version":0}"#, "malformed version"),
    (#"{"type":"order","version":1.0}"#, "malformed version"),
  ])
  func anythingElseIsPoison(_ text: String, _ expected: String) {
    #expect(reason(text) == expected, "\(text)")
  }

  @Test(arguments: [
    (#""policyId":1"#, #""policyId":0"#, "malformed policyId"),
    (#""policyId":1"#, #""policyId":-1"#, "malformed policyId"),
    (#""policyId":1"#, #""policyId":2147483648"#, "malformed policyId"),
    (#""policyId":1"#, #""policyId":99999999999999999999999999"#, "malformed policyId"),
    (#""policyId":1"#, #""policyId":1e0"#, "malformed policyId"),
    (#""policyId":1"#, #""policyId":"1""#, "malformed policyId"),
    (#""policyId":1,"#, "", "no policyId"),
    (#""ann""#, #""""#, "malformed userId"), (#""ann""#, #""a n""#, "malformed userId"),
    (#""ann""#, #""é""#, "malformed userId"), (#""ann""#, #"null"#, "malformed userId"),
    ("2026-07-01\"", "2026-02-29\"", "malformed day"), ("2026-07-01\"", "1969-12-31\"", "malformed day"),
    ("2026-07-01\"", "0000-01-01\"", "malformed day"),
    ("2026-07-01T", "292277026596-07-01T", "malformed issuedAt"),
    ("00.000001Z", "00.000001", "malformed issuedAt"),
    ("1dc5", "1DC5", "malformed couponId"), ("1dc5", "dc5", "malformed couponId"),
    ("000e0", "000g0", "malformed eventId"),
  ])
  func everyFieldOfAClaimIsChecked(_ part: String, _ instead: String, _ expected: String) {
    #expect(reason(Self.claimText.replacing(part, with: instead, maxReplacements: 1)) == expected)
  }

  @Test(arguments: [
    (#""dailyQuota":2"#, #""dailyQuota":0"#, "malformed dailyQuota"),
    (#""dailyQuota":2"#, #""dailyQuota":10000001"#, "malformed dailyQuota"),
    (#""once""#, #""twice""#, "malformed perPerson"), ("10:00:00", "25:00:00", "malformed opensAt"),
    ("2026-07-07", "2026-06-30", "malformed endsOn"), ("2026-07-07", "9999-12-31", "malformed endsOn"),
    ("Asia/Seoul", "", "malformed timeZone"), ("여름", #"\u0085"#, "text that no table holds"),
    ("e1457b77", "e1457b7", "malformed keyHash"), (#""name":"#, #""nom":"#, "no name"),
  ])
  func everyFieldOfAPolicyIsChecked(_ part: String, _ instead: String, _ expected: String) {
    #expect(reason(Self.policyText.replacing(part, with: instead)) == expected)
  }

  @Test func aNewerWriterStopsTheReader() {
    for (part, instead) in [
      (#""version":1"#, #""version":2"#), (#""version":1"#, #""version":999999999999999999"#),
      ("CouponIssued", "CouponRevoked"), ("CouponIssued", ""),
    ] {
      guard case .unknown = failure(Array(Self.claimText.replacing(part, with: instead).utf8)) else {
        Issue.record("\(instead)")
        continue
      }
    }
    // Other fields may be missing or of other kinds: the newer version says what they are.
    guard case .unknown = failure(Array(#"{"version":2,"type":"CouponIssued","policyId":{}}"#.utf8)) else {
      Issue.record("only the envelope counts")
      return
    }
  }

  @Test func lengthAndDepthAreBounded() {
    let padding = String(repeating: " ", count: LogCodec.maximumLength - Self.claimText.utf8.count)
    #expect(reason(Self.claimText + padding) == nil)
    #expect(reason(Self.claimText + padding + " ") == "over-long")
    #expect(failure(Array(repeating: UInt8(ascii: "["), count: 1 << 20)) == .poison(reason: "over-long"))
    let nested = { (depth: Int) in
      #"{"a":"# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
    }
    #expect(reason(nested(8)) == "no type")
    #expect(reason(nested(9)) == "not a JSON object")
    #expect(reason(nested(2_000)) == "not a JSON object")
  }

  @Test(
    arguments: [
      [0xff], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x80, 0x80, 0x80],
      [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x80], [0xe2, 0x82], [0xc3], [0xf0, 0x9f, 0x98],
      [0xc2, 0x80],
    ] as [[UInt8]])
  func textThatIsNotUTF8IsPoison(_ bytes: [UInt8]) {
    let message = Array(#"{"a":""#.utf8) + bytes + Array("\"}".utf8)
    #expect(failure(message) == .poison(reason: "text that no table holds"))
    #expect(failure(Array(#"{"a":""#.utf8) + bytes) != nil, "at the end of the message")
  }

  @Test func validTextOfEveryLengthIsRead() throws {
    for name in ["é", "쿠폰", "😀", "\u{a0}", "\u{ffff}", "\u{10ffff}", "\u{d7ff}", "\u{e000}", "e\u{301}"] {
      let created = PolicyCreated(
        eventID: EventID(high: 1, low: 2), policy: try Make.policy(name: name), key: try Make.key())
      #expect(try LogCodec.decode(LogCodec.encode(created)) == .policyCreated(created))
    }
  }
}
