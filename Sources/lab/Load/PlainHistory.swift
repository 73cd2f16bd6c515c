package import CouponDomain
import Foundation
import Text

/// A plain CSV of what people were told, as another load generator can write it: `person,status,couponId` and a line an
/// answer, each person's in their order.
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
        // Files that were put together have their heads in between.
        do { lines.append(try PlainHistory.line(text)) } catch {
          throw HistoryFile.Unreadable(line: number, problem: error.description)
        }
      }
    }
    self.lines = lines
  }

  private static func line(_ text: String) throws(LabFailure) -> Line {
    let fields = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard fields.count == 3 else { throw LabFailure("not three fields: \(firstLine)") }
    guard let person = UserID(fields[0]) else { throw LabFailure("“\(fields[0])” is no person's id") }
    guard let status = Int(fields[1]), status == 0 || (100...599).contains(status) else {
      throw LabFailure("“\(fields[1])” is no HTTP status, nor 0 for no answer")
    }
    let coupon = CouponID(fields[2])
    guard coupon == nil || status == 200 || status == 201, coupon != nil || fields[2].isEmpty else {
      throw LabFailure("a couponId is 32 hexadecimal digits, and comes with 200 and 201 alone")
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

  /// As a history without times. Which day a coupon is of, the tables say.
  package func history(of subject: EvidenceReader.Subject, beside database: DatabaseEvidence) -> History {
    let days = Dictionary(
      database.coupons.map { ($0.coupon.claim.couponID, $0.day) }, uniquingKeysWith: { first, _ in first })
    var numbers: [UserID: UInt32] = [:]
    var names: [String] = []
    var records: [(RequestRecord, SeenCoupon?)] = []
    for line in lines {
      let number = numbers[line.person] ?? UInt32(names.count)
      if numbers[line.person] == nil {
        numbers[line.person] = number
        names.append(line.person.description)
      }
      let seen = line.coupon.map { SeenCoupon(couponID: $0, rank: nil, day: days[$0], issuedAt: nil) }
      records.append(
        (
          RequestRecord(
            call: .coupon, outcome: line.outcome, attempt: 1, person: number, due: 0, sent: 0, answered: 0),
          seen
        ))
    }
    var run = RunFacts(
      architecture: subject.architecture, strategy: subject.strategy, policyID: subject.policyID, seed: 0,
      people: names.count, namePrefix: "", startedAt: Timestamp(microseconds: 0), openedAfter: 0,
      deadlineMilliseconds: 0)
    run.names = names
    var history = History(run: run)
    for (record, seen) in records { history.append(record, coupon: seen) }
    return history
  }
}
