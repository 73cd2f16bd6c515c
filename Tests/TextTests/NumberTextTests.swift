import TestSupport
import Testing
import Text

@Suite(.limited) struct NumberTextTests {
  @Test(
    arguments: [
      0, 9, 10, 99, 100, 999, 1_000, -1, -9, -10, -100, 1_234_567_890_123, .max, .max - 1, .min, .min + 1,
    ] as [Int64])
  func decimalsAreWhatTheStandardLibraryWrites(_ number: Int64) {
    var bytes = Array("x".utf8)
    bytes.append(decimal: number)
    #expect(String(decoding: bytes, as: UTF8.self) == "x\(number)")
    #expect(String(capacity: 20) { $0.append(decimal: number) } == "\(number)")
  }

  @Test func everyWidthOfADecimal() {
    var number: Int64 = 1
    for _ in 0..<18 {
      for near in [number - 1, number, number + 1] {
        var bytes: [UInt8] = []
        bytes.append(decimal: near)
        #expect(String(decoding: bytes, as: UTF8.self) == "\(near)")
      }
      number *= 10
    }
  }

  @Test func fixedWidthsArePaddedAndCut() {
    #expect(String(capacity: 6) { $0.append(digits: 7, width: 6) } == "000007")
    #expect(String(capacity: 2) { $0.append(digits: 1_234, width: 2) } == "34")
    #expect(String(capacity: 20) { $0.append(digits: UInt64.max, width: 20) } == "\(UInt64.max)")
    #expect([UInt8](capacity: 8) { $0.append(clock: 86_399) } == Array("23:59:59".utf8))
  }

  @Test func decimalsAreRead() {
    func read(_ text: String) -> Int? {
      let bytes = Array(text.utf8)
      return decimal(bytes.span, 0..<bytes.count)
    }
    #expect(read("0") == 0 && read("007") == 7)
    #expect(read("999999999999999999") == 999_999_999_999_999_999)
    for bad in ["-1", "+1", " 1", "1 ", "1.0", "a", "/", ":"] { #expect(read(bad) == nil, "\(bad)") }
  }

  @Test(arguments: [
    (0, "0.0"), (0.04, "0.0"), (-0.04, "0.0"), (0.05, "0.1"), (-0.1, "-0.1"), (12.34, "12.3"), (9.96, "10.0"),
    (-1.25, "-1.3"), (1_234_567.8, "1234567.8"),
  ])
  func tenthsAreRounded(_ number: Double, _ text: String) { #expect(number.tenths == text) }

  @Test func hexadecimalBothWays() throws {
    let all = Array(UInt8.min...UInt8.max)
    var digits: [UInt8] = []
    digits.append(hex: all)
    #expect(digits.count == 512)
    for (index, byte) in all.enumerated() {
      let (high, low) = (
        try #require(hexValue(digits[2 * index])), try #require(hexValue(digits[2 * index + 1]))
      )
      #expect(high << 4 | low == byte)
    }
    #expect(all.filter { hexValue($0) != nil } == Array("0123456789abcdef".utf8))
    #expect(all.filter { hexValue($0, upperCase: true) != nil } == Array("0123456789ABCDEFabcdef".utf8))
    #expect(hexValue(UInt8(ascii: "F"), upperCase: true) == 15 && hexValue(UInt8(ascii: "F")) == nil)
  }

  @Test(
    arguments: [0, 1, 0xf, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 0x9a9a_a9a9_0f0f_f0f0, .max]
      as [UInt64])
  func wordsHaveSixteenDigits(_ word: UInt64) {
    let text = String(capacity: 16) { $0.append(hex: word) }
    let digits = String(word, radix: 16)
    #expect(text == String(repeating: "0", count: 16 - digits.count) + digits)
  }
}

@Suite(.limited) struct CivilTests {
  @Test func everyMonthOfTheRangeOfATimestampIsReadBack() {
    // The years of 64 bits of microseconds since 1970, and more.
    for year in stride(from: Int64(-300_000), through: 300_000, by: 97) {
      for month in Int64(1)...12 {
        let first = Civil.days(year: year, month: month, day: 1)
        #expect(Civil.date(ofDay: first) == (year, month, 1))
        let next = month == 12 ? (year + 1, 1) : (year, month + 1)
        let following = Civil.days(year: next.0, month: next.1, day: 1)
        #expect((28...31).contains(following - first))
        #expect(Civil.date(ofDay: following - 1) == (year, month, following - first))
      }
    }
  }

  @Test func aDateThatDoesNotExistCountsOn() {
    #expect(Civil.days(year: 2026, month: 2, day: 30) == Civil.days(year: 2026, month: 3, day: 2))
  }

  @Test func theQuotientIsRoundedDown() {
    for (number, quotient, remainder): (Int64, Int64, Int64) in [
      (7, 2, 1), (-7, -3, 2), (-6, -2, 0), (0, 0, 0),
    ] {
      #expect(number.flooredDivision(by: 3) == (quotient, remainder))
    }
  }
}
