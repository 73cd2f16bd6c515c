package import CouponDomain
import Foundation
import Text

/// A plain CSV of answers, as another load generator can write it: `person,status,couponId` and a line per answer, each
/// person's in their order.
///
///     person,status,couponId
///     a0p0t3r17,201,6f1ed002ab5595859014ebf0951522d9
///     a0p0t3r18,409,
///     a0p0t3r19,0,
///
/// `status` is the HTTP status, 0 where no answer came; only 200 and 201 have a coupon, and one without is an answer that
/// breaks the contract. A 503 counts as unknown: whether something was done is not in the file.
package struct PlainHistory: Sendable {
  package static let firstLine = "person,status,couponId"

  package struct Line: Hashable, Sendable {
    package let person: UserID
    package let outcome: Outcome
    package let coupon: CouponID?
  }

  package let lines: [Line]

  /// Whether a file begins as one of these does.
  package static func isOne(_ path: String) -> Bool {
    guard let file = FileHandle(forReadingAtPath: path) else { return false }
    defer { try? file.close() }
    let head = (try? file.read(upToCount: 64)) ?? Data()
    let line = head.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    return withoutMark(String(decoding: line, as: UTF8.self)) == firstLine
  }

  /// Some editors put a byte order mark before a text.
  private static func withoutMark(_ text: String) -> String { text.replacing("\u{FEFF}", with: "") }

  /// - Throws: `HistoryFile.Unreadable`, which names the line.
  package init(_ bytes: [UInt8]) throws(HistoryFile.Unreadable) {
    var lines: [Line] = []
    var number = 0
    for raw in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      let text = String(decoding: raw.last == UInt8(ascii: "\r") ? raw.dropLast() : raw, as: UTF8.self)
      if number == 1 {
        guard PlainHistory.withoutMark(text) == PlainHistory.firstLine else {
          throw HistoryFile.Unreadable(
            line: 1, problem: "a history in CSV begins with \(PlainHistory.firstLine)")
        }
      } else if !text.isEmpty, text != PlainHistory.firstLine {
        // Concatenated files have further head lines.
        lines.append(try PlainHistory.line(text, number))
      }
    }
    self.lines = lines
  }

  private static func line(_ text: String, _ number: Int) throws(HistoryFile.Unreadable) -> Line {
    func unreadable(_ problem: String) -> HistoryFile.Unreadable {
      HistoryFile.Unreadable(line: number, problem: problem)
    }
    let fields = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard fields.count == 3 else { throw unreadable("not three fields: \(firstLine)") }
    guard let person = UserID(fields[0]) else { throw unreadable("“\(fields[0])” is no person's id") }
    guard let status = Int(fields[1]), status == 0 || (100...599).contains(status) else {
      throw unreadable("“\(fields[1])” is no HTTP status, nor 0 for no answer")
    }
    let coupon = CouponID(fields[2])
    guard coupon == nil || status == 200 || status == 201, coupon != nil || fields[2].isEmpty else {
      throw unreadable("a couponId is 32 hexadecimal digits, and comes with 200 and 201 alone")
    }
    let isOK = status == 200 || status == 201
    return Line(person: person, outcome: isOK && coupon == nil ? .strange : outcome(status), coupon: coupon)
  }

  private static func outcome(_ status: Int) -> Outcome {
    switch status {
    case 0: .timeout
    case 200: .existing
    case 201: .created
    case 403: .notOpen
    case 409: .soldOut
    case 400..<500: .refused
    case 503: .unknown
    default: .strange
    }
  }
}
