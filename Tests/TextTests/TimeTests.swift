import TestSupport
import CouponDomain
import Testing
import Text

@Suite(.limited) struct TimeTests {
  @Test(arguments: [
    ("1970-01-01", 0), ("1969-12-31", -1), ("2000-02-29", 11_016), ("2026-11-22", 20_779),
    ("9999-12-31", 2_932_896),
    ("0001-01-01", -719_162), ("1900-03-01", -25_508), ("2024-02-29", 19_782),
  ])
  func daysAreCountedFrom1970(_ text: String, _ number: Int32) throws {
    let day = try #require(Day(text))
    #expect(day.number == number)
    #expect(day.description == text)
  }

  @Test(arguments: [
    "0000-01-01", "2026-13-01", "2026-00-10", "2026-04-31", "2026-02-29", "1900-02-29", "2026-01-00",
    "2026-1-01",
    "2026-01-1", "26-01-01", "2026/01/01", "2026-01-01 ", " 2026-01-01", "", "2026-01-0１", "-026-01-01",
    "10000-01-01",
    "2026-01-32", "+026-01-01",
  ])
  func otherDaysAreRefused(_ text: String) { #expect(Day(text) == nil) }

  @Test func everyDayOfSixHundredYearsIsReadBack() throws {
    var day = try #require(Day("1890-01-01"))
    let end = try #require(Day("2490-01-01"))
    var last = (year: 0, month: 0, day: 0)
    while day < end {
      let civil = day.civil
      #expect(Day(year: civil.year, month: civil.month, day: civil.day) == day)
      #expect(civil > last)
      last = civil
      day = day.advanced(by: 1)
    }
  }

  @Test func timesOfDay() throws {
    #expect(TimeOfDay("00:00:00")?.seconds == 0)
    #expect(TimeOfDay("10:00")?.description == "10:00:00")
    #expect(TimeOfDay("23:59:59")?.seconds == 86_399)
    #expect(TimeOfDay(seconds: 86_400) == nil && TimeOfDay(seconds: -1) == nil)
    let bad = [
      "24:00:00", "10:60", "10:00:60", "1:00", "10", "10:0", "10:00:0", "10:00:00:00", "10-00", "", "１0:00",
      "10:00:", ":00:00", "10:00.00",
    ]
    for text in bad { #expect(TimeOfDay(text) == nil, "\(text)") }
  }

  @Test(
    arguments: [
      ("1970-01-01T00:00:00.000000Z", 0), ("1970-01-01T00:00:00.000001Z", 1),
      ("2026-11-22T01:00:00.123456Z", 1_795_309_200_123_456),
      ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
      ("2026-07-01T14:59:59.999999Z", 1_782_917_999_999_999),
    ] as [(String, Int64)])
  func timestampsAreWrittenInUTC(_ text: String, _ microseconds: Int64) throws {
    #expect(Timestamp(text)?.microseconds == microseconds)
    #expect(Timestamp(microseconds: microseconds).description == text)
  }

  @Test func aFractionMayBeShortOrLeftOut() {
    #expect(Timestamp("1970-01-01T00:00:01Z")?.microseconds == 1_000_000)
    #expect(Timestamp("1970-01-01T00:00:01.5Z")?.microseconds == 1_500_000)
    #expect(Timestamp("1970-01-01T00:00:01.05Z")?.microseconds == 1_050_000)
  }

  @Test(arguments: [
    "", "Z", "2026-11-22", "2026-11-22T01:00:00", "2026-11-22 01:00:00Z", "2026-11-22T01:00:00+00:00",
    "2026-11-22T01:00:00.Z", "2026-11-22T01:00:00.1234567Z", "2026-11-22T24:00:00Z", "2026-11-22T01:00:60Z",
    "2026-02-29T01:00:00Z", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "292277026596-01-01T00:00:00Z",
    "2026-11-22T01:00Z", "2026-11-22t01:00:00z", "2026-11-22T01:00:00.12x456Z", "2026-11-22T01:00:00,123Z",
  ])
  func otherTimestampsAreRefused(_ text: String) { #expect(Timestamp(text) == nil) }

  @Test func anyNumberOfMicrosecondsCanBeWritten() {
    #expect(Timestamp(microseconds: -1).description == "1969-12-31T23:59:59.999999Z")
    #expect(Timestamp(microseconds: 253_402_300_800_000_000).description == "10000-01-01T00:00:00.000000Z")
    #expect(Timestamp(microseconds: .max).description.hasSuffix("Z"))
    #expect(Timestamp(microseconds: .min).description.hasSuffix("Z"))
  }

  @Test func randomTimestampsAreReadBack() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<20_000 {
      let time = Timestamp(microseconds: Int64.random(in: 0..<253_402_300_800_000_000, using: &random))
      #expect(Timestamp(time.description) == time)
    }
  }
}
