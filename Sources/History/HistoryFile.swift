import CouponDomain
import Foundation
import Secrets
import Text

/// A history as a file: tab-separated text, so that a run can be looked at with the usual tools and verified again.
///
///     #timeattack history 2
///     #laboratory	0f1e2d3c
///     #architecture	eda
///     …one line for each of the run's facts
///     #call	person	attempt	due_us	sent_us	answered_us	outcome	coupon_id	rank	day	issued_at_us
///     coupon	17	1	5000123	5000150	5001901	created	0f…e2	1	2025-01-31	1738288801000123
///     …
///     #end	REQUESTS	ENDED_AFTER_US	ENDED_AT_US	DIGEST
///
/// Times are microseconds since `started_at_us`, which is microseconds since 1970 (UTC). The last four columns are
/// `-` where the answer held no coupon; a rank is `-` where the strategy gives none. The last line counts the requests and
/// has a digest of everything before it: a file that lost lines, or has other ones, is refused. Files of version 1 have
/// no such line; they are read, and their history has no `end`.
package enum HistoryFile {
  package static let firstLine = "#timeattack history 2"
  private static let formerFirstLine = "#timeattack history 1"

  /// What is wrong with a file, with the number of its line.
  package struct Unreadable: Error, CustomStringConvertible {
    package let line: Int
    package let problem: String
    package var description: String { "line \(line): \(problem)" }
  }

  /// Replaces the file in one step.
  package static func write(_ history: History, to path: String) throws {
    try Data(encode(history)).write(to: URL(fileURLWithPath: path), options: .atomic)
  }

  package static func read(_ path: String) throws -> History {
    try decode([UInt8](Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)))
  }

  /// The laboratory that a history names, without reading all of it; nil where it names none or cannot be read. Nothing
  /// of the file has been checked.
  package static func claimedLaboratory(of path: String) -> String? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? file.close() }
    let head = String(decoding: (try? file.read(upToCount: 1_024)) ?? Data(), as: UTF8.self)
    let fact = head.split(separator: "\n").first { $0.hasPrefix("#laboratory\t") }
    return fact.map { String($0.dropFirst("#laboratory\t".count)) }
  }

  package static func encode(_ history: History) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(1_024 + history.requests.count * 56)
    // What never ended says nothing of its end: that is the former format.
    text += ((history.run.end == nil ? formerFirstLine : firstLine) + "\n").utf8
    for (name, value) in facts(history.run) { text += "#\(name)\t\(value)\n".utf8 }
    text += ("#" + columns.joined(separator: "\t") + "\n").utf8
    for request in history.requests { encode(request, history.coupon(of: request), into: &text) }
    if let end = history.run.end {
      let facts = [Int64(history.requests.count), end.after, end.at.microseconds].map { "\($0)\t" }
      text += "\(endMark)\t\(facts.joined())\(digest(text[...]))\n".utf8
    }
    return text
  }

  package static func decode(_ bytes: [UInt8]) throws(Unreadable) -> History {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
    // Nothing follows the end of the last line.
    if lines.last?.isEmpty == true { lines.removeLast() }
    var number = 0
    func next() -> ArraySlice<UInt8>? {
      guard let line = lines.popFirst() else { return nil }
      number += 1
      return line
    }
    let first = next().map { String(decoding: $0, as: UTF8.self) }
    guard first == firstLine || first == formerFirstLine else {
      throw Unreadable(
        line: 1,
        problem:
          "no history: it begins neither with \(firstLine) nor, as a CSV, with \(PlainHistory.firstLine)")
    }
    var isEnded = first == formerFirstLine
    var facts: [String: String] = [:]
    while let line = next() {
      let fields = line.split(separator: tab, omittingEmptySubsequences: false)
      guard line.first == UInt8(ascii: "#") else {
        throw Unreadable(line: number, problem: "the line of column names is missing")
      }
      if fields.count > 2 { break }
      facts[String(decoding: fields[0].dropFirst(), as: UTF8.self)] =
        fields.count == 2 ? String(decoding: fields[1], as: UTF8.self) : ""
    }
    guard let run = run(facts) else {
      throw Unreadable(line: number, problem: "a fact of the run is missing or cannot be read")
    }
    var history = History(run: run)
    while let line = next() {
      guard first == formerFirstLine || !isEnded else {
        throw Unreadable(line: number, problem: "lines follow the line that ends the history")
      }
      if first == firstLine, line.starts(with: endMark.utf8) {
        history.run.end = try end(line, number, of: history, bytes)
        isEnded = true
        continue
      }
      guard let (request, coupon) = decode(line) else {
        throw Unreadable(line: number, problem: "not a request of \(columns.count) columns")
      }
      history.append(request, coupon: coupon)
    }
    guard isEnded else {
      throw Unreadable(
        line: number, problem: "the line that ends the history is missing: it has been cut off")
    }
    return history
  }

  // MARK: The end

  private static let endMark = "#end"
  private static let digestBytes = 16

  private static func digest(_ bytes: ArraySlice<UInt8>) -> String {
    let hash = Sodium.hash(Array(bytes), key: [], count: digestBytes)
    return String(decoding: hash.flatMap { [hexDigit($0 >> 4), hexDigit($0 & 15)] }, as: UTF8.self)
  }

  /// What the last line says, which must be true of the lines before it.
  private static func end(
    _ line: ArraySlice<UInt8>, _ number: Int, of history: History, _ bytes: [UInt8]
  ) throws(Unreadable) -> RunEnd {
    let fields = line.split(separator: tab, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard fields.count == 5, let count = Int(fields[1]), let after = Int64(fields[2]),
      let at = Int64(fields[3])
    else { throw Unreadable(line: number, problem: "the line that ends the history cannot be read") }
    guard count == history.requests.count else {
      throw Unreadable(
        line: number, problem: "the history has \(history.requests.count) requests, and had \(count)")
    }
    guard digest(bytes[..<line.startIndex]) == fields[4] else {
      throw Unreadable(line: number, problem: "the history has been changed since it was written")
    }
    return RunEnd(after: after, at: Timestamp(microseconds: at))
  }

  private static let tab = UInt8(ascii: "\t")
  private static let columns = [
    "call", "person", "attempt", "due_us", "sent_us", "answered_us", "outcome", "coupon_id", "rank", "day",
    "issued_at_us",
  ]

  private static func facts(_ run: RunFacts) -> [(String, String)] {
    [
      ("laboratory", run.laboratory), ("architecture", run.architecture.rawValue), ("strategy", run.strategy),
      ("policy_id", run.policyID.description), ("seed", String(run.seed)), ("people", String(run.people)),
      ("name_prefix", run.namePrefix), ("started_at_us", String(run.startedAt.microseconds)),
      ("opened_after_us", String(run.openedAfter)), ("deadline_ms", String(run.deadlineMilliseconds)),
      ("stalls_us", run.stalls.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")),
    ]
  }

  private static func run(_ facts: [String: String]) -> RunFacts? {
    guard let architecture = facts["architecture"].flatMap(Architecture.init(rawValue:)),
      let strategy = facts["strategy"],
      let policyID = facts["policy_id"].flatMap({ Int($0) }).flatMap({ PolicyID($0) }),
      let seed = facts["seed"].flatMap({ UInt64($0) }), let people = facts["people"].flatMap({ Int($0) }),
      let namePrefix = facts["name_prefix"],
      let startedAt = facts["started_at_us"].flatMap({ Int64($0) }),
      let openedAfter = facts["opened_after_us"].flatMap({ Int64($0) }),
      let deadline = facts["deadline_ms"].flatMap({ Int($0) }),
      let stalls = stalls(facts["stalls_us"] ?? "")
    else { return nil }
    var run = RunFacts(
      architecture: architecture, strategy: strategy, policyID: policyID, seed: seed, people: people,
      namePrefix: namePrefix, startedAt: Timestamp(microseconds: startedAt), openedAfter: openedAfter,
      deadlineMilliseconds: deadline, laboratory: facts["laboratory"] ?? "")
    run.stalls = stalls
    return run
  }

  /// `20500000-22300000,…`; nil where it is something else.
  private static func stalls(_ text: String) -> [Range<Int64>]? {
    var stalls: [Range<Int64>] = []
    for part in text.split(separator: ",") {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
      guard ends.count == 2, let from = ends[0], let to = ends[1], from <= to else { return nil }
      stalls.append(from..<to)
    }
    return stalls
  }

  private static func encode(_ request: RequestRecord, _ coupon: SeenCoupon?, into text: inout [UInt8]) {
    text += request.call.name.utf8
    for number in [
      request.person, UInt32(request.attempt), request.due, request.sent, request.answered,
    ] {
      text.append(tab)
      text.append(decimal: Int64(number))
    }
    text.append(tab)
    text += request.outcome.name.utf8
    if let coupon, let day = coupon.day, let issuedAt = coupon.issuedAt {
      let rank = coupon.rank.map { String($0) } ?? "-"
      text += "\t\(coupon.couponID)\t\(rank)\t\(day)\t\(issuedAt.microseconds)\n".utf8
    } else {
      text += "\t-\t-\t-\t-\n".utf8
    }
  }

  private static let calls = Dictionary(uniqueKeysWithValues: Call.allCases.map { (Array($0.name.utf8), $0) })
  private static let outcomes = Dictionary(
    uniqueKeysWithValues: Outcome.allCases.map { (Array($0.name.utf8), $0) })

  private static func decode(_ line: ArraySlice<UInt8>) -> (RequestRecord, SeenCoupon?)? {
    let fields = line.split(separator: tab, omittingEmptySubsequences: false)
    guard fields.count == columns.count, let call = calls[Array(fields[0])],
      let person = number(fields[1]), let attempt = number(fields[2]).flatMap({ UInt8(exactly: $0) }),
      let due = number(fields[3]), let sent = number(fields[4]), let answered = number(fields[5]),
      let outcome = outcomes[Array(fields[6])]
    else { return nil }
    let request = RequestRecord(
      call: call, outcome: outcome, attempt: attempt, person: person, due: due, sent: sent,
      answered: answered)
    guard fields[7] != [UInt8(ascii: "-")] else {
      return call == .coupon && outcome.isOK ? nil : (request, nil)
    }
    guard outcome.isOK else { return nil }
    let text = fields[7...].map { String(decoding: $0, as: UTF8.self) }
    guard let couponID = CouponID(text[0]), let day = Day(text[2]), let issuedAt = Int64(text[3]),
      text[1] == "-" || Int(text[1]) != nil
    else { return nil }
    let coupon = SeenCoupon(
      couponID: couponID, rank: Int(text[1]), day: day, issuedAt: Timestamp(microseconds: issuedAt))
    return (request, coupon)
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> UInt32? {
    guard (1...10).contains(digits.count) else { return nil }
    var value: UInt64 = 0
    for digit in digits {
      guard (48...57).contains(digit) else { return nil }
      value = value * 10 + UInt64(digit - 48)
    }
    return UInt32(exactly: value)
  }
}
