import Foundation
package import Terminal

/// The CSV of one nGrinder test, as its controller writes it (report page, “Download CSV”): a line a sampling interval,
/// a second by default.
///
///     DateTime,vuser,Tests,Errors,Mean_Test_Time_(ms),…,TPS,…[,Description,Tests-1,Errors-1,…,Description,Tests-2,…]
///
/// The columns of single tests come only where the script has more than one. A controller can be told to separate by
/// semicolons or tabs instead.
package struct NGrinderCSV: Hashable, Sendable {
  package struct Sample: Hashable, Sendable {
    /// Seconds since the first line.
    package var second: Double
    /// How many the interval has, since the line before.
    package var seconds = 1.0
    package var vusers: Double
    /// Good ones; errors are not among them.
    package var tests: Double
    package var errors: Double
    /// Of good ones; nil in an interval without one.
    package var meanMs: Double?
    package var tps: Double
  }

  /// One test of the script, over the whole run.
  package struct Part: Hashable, Sendable {
    package var name: String
    package var tests = 0.0
    package var errors = 0.0
    fileprivate var milliseconds = 0.0
    /// Seconds of the intervals in which it was run.
    package fileprivate(set) var seconds: [Double] = []

    package var meanMs: Double? { tests > 0 ? milliseconds / tests : nil }
  }

  /// The file's name without its folder.
  package let name: String
  package private(set) var samples: [Sample] = []
  /// In the order of the file; empty where the script has one test.
  package private(set) var parts: [Part] = []

  /// What `outage.groovy` calls the tests of its two switches.
  package static let outageBegins = "outage on"
  package static let outageEnds = "outage off"

  /// From the switch on to the switch off, in seconds; nil where the script has not switched.
  package var outage: ClosedRange<Double>? {
    guard let from = part(NGrinderCSV.outageBegins)?.seconds.first else { return nil }
    let end = part(NGrinderCSV.outageEnds)?.seconds.first ?? samples.last?.second ?? from
    return from...max(from, end)
  }

  private func part(_ name: String) -> Part? { parts.first { $0.name == name } }

  /// - Throws: `LabFailure`, in one line, where it is no such file.
  package init(_ text: String, name: String) throws(LabFailure) {
    self.name = name
    // Swift takes CR LF for one character, and a byte order mark for a part of the first name.
    let lines = text.replacing("\u{FEFF}", with: "").split(whereSeparator: \.isNewline)
    guard let head = lines.first else {
      throw LabFailure("\(name) is empty, and no per-second CSV of nGrinder")
    }
    let columns = try Columns(String(head), name)
    var (first, last): (Double?, Double?)
    for (index, line) in lines.enumerated().dropFirst() {
      let fields = line.split(separator: columns.separator, omittingEmptySubsequences: false).map(String.init)
      let row = Row(fields: fields, columns: columns, place: "\(name), line \(index + 1)")
      let time = try row.time()
      first = first ?? time
      guard time >= last ?? time else {
        throw LabFailure("\(row.place): the time is before that of the line above")
      }
      let second = time - (first ?? time)
      var sample = try row.sample(second: second)
      if let last { sample.seconds = max(1, time - last) }
      last = time
      samples.append(sample)
      try add(row, second)
    }
    if samples.count > 1 { samples[0].seconds = samples[1].seconds }
    guard !samples.isEmpty else { throw LabFailure("\(name) has a head and no line of figures") }
  }

  private mutating func add(_ row: Row, _ second: Double) throws(LabFailure) {
    for part in try row.parts() {
      let index = parts.firstIndex { $0.name == part.name } ?? parts.count
      if index == parts.count { parts.append(Part(name: part.name)) }
      parts[index].tests += part.tests
      parts[index].errors += part.errors
      parts[index].milliseconds += part.tests * part.meanMs
      if part.tests + part.errors > 0 { parts[index].seconds.append(second) }
    }
  }
}

/// Where the figures stand in a line.
private struct Columns {
  let separator: Character
  let places: [String: Int]
  /// Of the totals; what follows is of single tests.
  let count: Int

  static let tests = "Tests"
  static let errors = "Errors"
  static let mean = "Mean_Test_Time_(ms)"
  static let tps = "TPS"
  static let vusers = "vuser"
  private static let needed = ["DateTime", vusers, tests, errors, mean, tps]

  init(_ head: String, _ name: String) throws(LabFailure) {
    separator = [";", "\t"].first { head.contains($0) } ?? ","
    let names = head.split(separator: separator, omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    count = names.firstIndex(of: "Description") ?? names.count
    places = Dictionary(names.prefix(count).enumerated().map { ($1, $0) }, uniquingKeysWith: { a, _ in a })
    let missing = Columns.needed.filter { places[$0] == nil }
    guard missing.isEmpty else {
      throw LabFailure(
        "\(name) is no per-second CSV of nGrinder: its first line has no \(missing.joined(separator: ", no "))"
      )
    }
  }
}

/// One line of figures.
private struct Row {
  /// More than any second has; sums of it are still exact.
  static let most = 1e9

  let fields: [String]
  let columns: Columns
  let place: String

  func time() throws(LabFailure) -> Double {
    let format = Date.ParseStrategy(
      format:
        "\(year: .defaultDigits)-\(month: .twoDigits)-\(day: .twoDigits) \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits)",
      locale: Locale(identifier: "en_US_POSIX"), timeZone: .gmt)
    guard let text = fields.first, let date = try? Date(text, strategy: format) else {
      throw LabFailure("\(place): the time is not written as 2026-11-26 10:00:00")
    }
    return date.timeIntervalSince1970
  }

  func sample(second: Double) throws(LabFailure) -> NGrinderCSV.Sample {
    let tests = try total(Columns.tests)
    return NGrinderCSV.Sample(
      second: second, vusers: try total(Columns.vusers), tests: tests, errors: try total(Columns.errors),
      meanMs: tests > 0 ? try total(Columns.mean) : nil, tps: try total(Columns.tps))
  }

  /// A description and the columns that the totals have, but for time and vusers, for each test.
  func parts() throws(LabFailure) -> [(name: String, tests: Double, errors: Double, meanMs: Double)] {
    var parts: [(String, Double, Double, Double)] = []
    var start = columns.count
    guard fields.count >= columns.count, (fields.count - columns.count).isMultiple(of: columns.count - 1)
    else {
      throw LabFailure(
        "\(place) has \(fields.count) fields, which its columns do not make up (are there commas in the numbers?)"
      )
    }
    while start < fields.count {
      func figure(_ name: String) throws(LabFailure) -> Double {
        // The totals have two columns before their figures, a test has its description.
        try number(start - 1 + (columns.places[name] ?? 0), name)
      }
      parts.append(
        (fields[start], try figure(Columns.tests), try figure(Columns.errors), try figure(Columns.mean)))
      start += columns.count - 1
    }
    return parts
  }

  private func total(_ name: String) throws(LabFailure) -> Double {
    try number(columns.places[name] ?? 0, name)
  }

  private func number(_ index: Int, _ name: String) throws(LabFailure) -> Double {
    guard fields.indices.contains(index) else { throw LabFailure("\(place) has no \(name)") }
    // Where commas do not separate, they may be decimal ones.
    let text = columns.separator == "," ? fields[index] : fields[index].replacing(",", with: ".")
    guard let value = Double(text), (0...Row.most).contains(value) else {
      throw LabFailure("\(place): \(name) is “\(text.prefix(40))”, no number of a test")
    }
    return value
  }
}
