import TestSupport
import CouponDomain
import CouponStore
import Testing
import Text

/// Random entries are read back; broken ones never crash, and what is read from them can be written and read
/// again.
@Suite(.limited) struct LogCodecFuzzTests {
  private func randomEntry(_ random: inout SeededGenerator) throws -> LogEntry {
    let id = try #require(PolicyID(Int32.random(in: 1...Int32.max, using: &random)))
    let event = EventID(high: random.next(), low: random.next())
    let day = Day(number: Int32.random(in: 0...2_900_000, using: &random))
    if Bool.random(using: &random) {
      let alphabet = Array("abcXYZ019._-")
      let user = String(
        (0..<Int.random(in: 1...64, using: &random)).compactMap { _ in alphabet.randomElement(using: &random)
        })
      return .claim(
        CouponClaim(
          eventID: event, couponID: CouponID(high: random.next(), low: random.next()), policyID: id,
          userID: try Make.user(user), day: day,
          issuedAt: Timestamp(microseconds: Int64.random(in: 0..<253_402_300_800_000_000, using: &random))))
    }
    let letters = Array("ab \"\\/쿠폰é😀{}[]:,u0000")
    let name = String(
      (0..<Int.random(in: 1...40, using: &random)).compactMap { _ in letters.randomElement(using: &random) })
    let policy = try Policy(
      id: id, name: name, startsOn: day, endsOn: day.advanced(by: Int.random(in: 0..<3_660, using: &random)),
      opensAt: #require(TimeOfDay(seconds: Int.random(in: 0..<86_400, using: &random))),
      timeZone: "Asia/Seoul",
      dailyQuota: Int.random(in: 1...Policy.maximumQuota, using: &random),
      perPerson: #require(PerPerson.allCases.randomElement(using: &random)))
    return .policyCreated(PolicyCreated(eventID: event, policy: policy, key: try Make.key()))
  }

  @Test(arguments: 0..<10)
  func whatIsWrittenIsReadBack(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let entry = try randomEntry(&random)
      let bytes = LogCodec.encode(entry)
      #expect(bytes.count <= LogCodec.maximumLength / 2)
      #expect(try LogCodec.decode(bytes) == entry)
    }
  }

  @Test(arguments: 0..<10)
  func brokenMessagesNeverCrash(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: 1_000 + seed)
    var read = 0
    for _ in 0..<1_000 {
      var bytes = LogCodec.encode(try randomEntry(&random))
      for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, &random) }
      guard let entry = try? LogCodec.decode(bytes) else { continue }
      read += 1
      #expect(try LogCodec.decode(LogCodec.encode(entry)) == entry)
    }
    #expect(read > 0, "some mutations must leave an entry readable")
  }

  /// Claims that are written as we write them have a reader of their own: it and the general one say the same of everything.
  @Test(arguments: 0..<10)
  func bothReadersSayTheSame(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: 2_000 + seed)
    for number in 0..<1_000 {
      var bytes = LogCodec.encode(try randomEntry(&random))
      if number % 4 > 0 { for _ in 0..<(number % 4) { mutate(&bytes, &random) } }
      let general: ReadEntry = Result { () throws(UnreadableEntry) in try LogCodec.decode(bytes) }
      #expect(LogCodec.read(bytes) == general, "\(String(decoding: bytes, as: UTF8.self))")
    }
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    guard !bytes.isEmpty else { return }
    let at = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0..<7, using: &random) {
    case 0: bytes[at] = UInt8.random(in: .min ... .max, using: &random)
    case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2: bytes.remove(at: at)
    case 3: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: at)
    case 4: bytes.removeLast(Int.random(in: 0...min(8, bytes.count), using: &random))
    case 5:
      let tokens = [
        "\\u0000", "\\ud800", "\"", "{", "}", "[", "]", ",", ":", "\\", "1e9", "null", "\u{feff}", "-", "é",
      ]
      bytes.insert(contentsOf: (tokens.randomElement(using: &random) ?? "").utf8, at: at)
    default:
      let end = min(bytes.count, at + Int.random(in: 1...40, using: &random))
      bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &random))
    }
  }
}
