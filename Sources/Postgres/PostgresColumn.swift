/// One column of many rows, for `unnest`: an array in the server's binary form, written value by value. The server reads it
/// faster than an array's text, and it is made without a text for each value.
///
///     dimensions, has nulls, type of the elements │ count, lower bound │ length, bytes │ length, bytes │ …
///     (1, 0 or 1, its OID)                          (n, 1)               (-1: NULL)
package struct PostgresColumn: Hashable, Sendable {
  /// The type of the elements. The statement's own cast must name the same (`$1::int[]`).
  package enum Element: UInt32, Sendable {
    case bytea = 17
    case bigint = 20
    case int = 23
    case text = 25
    case date = 1082
    case timestamptz = 1184
  }

  /// Days, and microseconds, from 1970-01-01 to 2000-01-01, from where the server counts.
  private static let epochDays: Int32 = 10_957
  private static let epochMicroseconds: Int64 = 946_684_800_000_000

  private let element: Element
  /// How many values it has.
  package private(set) var count = 0
  private var hasNulls = false
  /// The values, each behind its length.
  private var body: [UInt8]

  /// - Parameters:
  ///   - count: how many values are expected, and `width` how many bytes each of them has.
  package init(_ element: Element, reserving count: Int = 0, of width: Int = 0) {
    self.element = element
    body = []
    body.reserveCapacity(count * (4 + width))
  }

  package mutating func appendNull() {
    hasNulls = true
    count += 1
    append(big: UInt32.max)
  }

  /// A value of an `int` column.
  package mutating func append(int value: Int32) {
    precondition(element == .int, "another type of column")
    begin(4)
    append(big: UInt32(bitPattern: value))
  }

  /// A value of a `bigint` column.
  package mutating func append(bigint value: Int64) {
    precondition(element == .bigint, "another type of column")
    begin(8)
    append(big: UInt64(bitPattern: value))
  }

  /// A value of a `date` column, in days since 1970-01-01.
  package mutating func append(day: Int32) {
    precondition(element == .date, "another type of column")
    begin(4)
    append(big: UInt32(bitPattern: day - PostgresColumn.epochDays))
  }

  /// A value of a `timestamptz` column, in microseconds since 1970.
  package mutating func append(microseconds: Int64) {
    precondition(element == .timestamptz, "another type of column")
    begin(8)
    append(big: UInt64(bitPattern: microseconds - PostgresColumn.epochMicroseconds))
  }

  /// A value of a `text` column. The server refuses one that contains a NUL.
  package mutating func append(text: String) {
    precondition(element == .text, "another type of column")
    var text = text
    text.withUTF8 {
      begin($0.count)
      body.append(contentsOf: $0)
    }
  }

  /// The same, of `length` ASCII characters that `write` appends.
  package mutating func append(length: Int, text write: (inout [UInt8]) -> Void) {
    precondition(element == .text, "another type of column")
    begin(length)
    let start = body.count
    write(&body)
    precondition(body.count == start + length, "a text of another length")
  }

  /// A value of a `bytea` column.
  package mutating func append(bytes: some Collection<UInt8>) {
    precondition(element == .bytea, "another type of column")
    begin(bytes.count)
    body.append(contentsOf: bytes)
  }

  private mutating func begin(_ length: Int) {
    count += 1
    append(big: UInt32(length))
  }

  private mutating func append(big value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.bigEndian) { body.append(contentsOf: $0) }
  }

  /// What is sent.
  func write(to out: inout [UInt8]) {
    func append(_ value: UInt32) { withUnsafeBytes(of: value.bigEndian) { out.append(contentsOf: $0) } }
    // An empty array has no dimension.
    append(count == 0 ? 0 : 1)
    append(hasNulls ? 1 : 0)
    append(element.rawValue)
    guard count > 0 else { return }
    append(UInt32(count))
    append(1)
    out.append(contentsOf: body)
  }
}
