import CouponDomain
import Foundation
import TestSupport
import Testing
import Text
import History

@Suite(.limited) struct HistoryFileTests {
  private static func history() throws -> History {
    var run = RunFacts(
      architecture: .eda, strategy: "log", policyID: try #require(PolicyID(12)), seed: .max, people: 3,
      namePrefix: "p-", startedAt: Timestamp(microseconds: 1_738_288_800_000_000), openedAfter: 5_000_000,
      deadlineMilliseconds: 2_000, laboratory: "0f1e2d3c")
    run.stalls = [5..<7, 20_000_000..<22_500_000]
    run.end = RunEnd(after: 60_000_000, at: Timestamp(microseconds: 1_738_288_860_000_007))
    var history = History(run: run)
    let coupon = SeenCoupon(
      couponID: CouponID(high: 1, low: .max), rank: 1, day: Day("2025-01-31"),
      issuedAt: Timestamp(microseconds: 1_738_288_805_000_123))
    let unranked = SeenCoupon(
      couponID: CouponID(high: 2, low: 0), rank: nil, day: coupon.day, issuedAt: coupon.issuedAt)
    for (index, outcome) in Outcome.allCases.enumerated() {
      let request = RequestRecord(
        call: Call.allCases[index % Call.allCases.count], outcome: outcome, attempt: UInt8(index),
        person: UInt32(index), due: 1, sent: .max - 1, answered: .max)
      history.append(request, coupon: index == 0 ? coupon : index == 1 ? unranked : nil)
    }
    return history
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let history = try HistoryFileTests.history()
    #expect(try HistoryFile.decode(HistoryFile.encode(history)) == history)
  }

  @Test func aRunWithoutAnEndIsWrittenInTheFormerFormat() throws {
    var history = try HistoryFileTests.history()
    history.run.end = nil
    let bytes = HistoryFile.encode(history)
    #expect(bytes.starts(with: "#timeattack history 1\n".utf8))
    #expect(try HistoryFile.decode(bytes) == history)
  }

  @Test func aFileOnDiskToo() throws {
    let path = NSTemporaryDirectory() + "/history-\(UUID().uuidString).tsv"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let history = try HistoryFileTests.history()
    try HistoryFile.write(history, to: path)
    #expect(try HistoryFile.read(path) == history)
    #expect(HistoryFile.claimedLaboratory(of: path) == "0f1e2d3c")
  }

  @Test func theFirstRequestIsReadableByPeople() throws {
    let text = String(decoding: HistoryFile.encode(try HistoryFileTests.history()), as: UTF8.self)
    let lines = text.split(separator: "\n")
    #expect(lines[0] == "#timeattack history 2")
    #expect(
      lines[13] == """
        coupon\t0\t0\t1\t4294967294\t4294967295\tcreated\t0000000000000001ffffffffffffffff\t1\t2025-01-31\
        \t1738288805000123
        """)
  }

  @Test(arguments: [
    ("", 1), ("nonsense\n", 1), ("#timeattack history 3\n", 1), ("#timeattack history 2\n#seed\t1\n", 2),
    ("#timeattack history 1\ncoupon\n", 2),
  ])
  func aForeignFileIsRefusedByLine(text: String, line: Int) {
    let error = #expect(throws: HistoryFile.Unreadable.self) { try HistoryFile.decode(Array(text.utf8)) }
    #expect(error?.line == line)
  }

  /// Without its last lines, without some from its middle, without its end.
  @Test func aFileWithoutSomeOfItsLinesIsRefused() throws {
    let whole = HistoryFile.encode(try HistoryFileTests.history())
    let lines = whole.split(separator: UInt8(ascii: "\n"))
    for kept in 0..<lines.count {
      let cut = Array(lines.prefix(kept).joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")]
      #expect(throws: HistoryFile.Unreadable.self, "\(kept) lines") { try HistoryFile.decode(cut) }
    }
    for missing in 0..<lines.count {
      let rest = lines.enumerated().filter { $0.offset != missing }.map(\.element)
      let holed = Array(rest.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")]
      #expect(throws: HistoryFile.Unreadable.self, "without line \(missing + 1)") {
        try HistoryFile.decode(holed)
      }
    }
  }

  @Test func aBrokenRequestIsRefusedByLine() throws {
    let good = String(decoding: HistoryFile.encode(try HistoryFileTests.history()), as: UTF8.self)
    for line in [
      "coupon\t1", "coupon\t-1\t1\t1\t1\t1\tcreated\t-\t-\t-\t-", "coupon\t1\t1\t1\t1\t1\twon\t-\t-\t-\t-",
      "coupon\t1\t1\t1\t1\t1\tcreated\t-\t-\t-\t-",
      "coupon\t1\t1\t1\t1\t1\tsoldOut\t0000000000000001ffffffffffffffff\t1\t2025-01-31\t5",
    ] {
      let error = #expect(throws: HistoryFile.Unreadable.self) {
        try HistoryFile.decode(Array(good.replacing("#end\t", with: line + "\n#end\t").utf8))
      }
      #expect(error?.line == 14 + Outcome.allCases.count)
    }
  }
}
