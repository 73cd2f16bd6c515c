internal import Clibpq
internal import Text

/// The result of a statement: rows of text-format values, and the command tag.
///
/// `@unchecked Sendable`: a result that libpq has returned is never written again, only read and finally freed.
package final class PostgresRows: @unchecked Sendable {
  private let result: OpaquePointer
  package let count: Int
  package let columnCount: Int

  /// Takes ownership of the result.
  init(owning result: OpaquePointer) {
    self.result = result
    count = Int(PQntuples(result))
    columnCount = Int(PQnfields(result))
  }

  deinit { PQclear(result) }

  /// As in `INSERT 0 1`, `UPDATE 3`, `COMMIT`.
  package var commandTag: String { String(cString: PQcmdStatus(result)) }

  /// Rows that the statement inserted, changed, deleted or read.
  package var affected: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

  package func isNull(_ row: Int, _ column: Int) -> Bool { field(row, column) == nil }

  /// Nil if the value is NULL.
  package func text(_ row: Int, _ column: Int) -> String? {
    field(row, column).map { String(decoding: $0, as: UTF8.self) }
  }

  /// What `body` makes of the value's bytes; nil if the value is NULL.
  package func withBytes<R>(_ row: Int, _ column: Int, _ body: (Span<UInt8>) -> R?) -> R? {
    guard let field = field(row, column) else { return nil }
    return body(field.span)
  }

  /// Nil if the value is NULL or not a 64-bit integer.
  package func int(_ row: Int, _ column: Int) -> Int64? {
    guard let field = field(row, column) else { return nil }
    let isNegative = field.first == UInt8(ascii: "-")
    let digits = isNegative ? field.dropFirst() : field[...]
    guard !digits.isEmpty else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard (48...57).contains(digit) else { return nil }
      let (tens, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (next, overflow) = tens.subtractingReportingOverflow(Int64(digit - 48))
      if tooLarge || overflow { return nil }
      value = next
    }
    return isNegative ? value : (value == .min ? nil : -value)
  }

  /// Nil if the value is NULL or not a boolean.
  package func bool(_ row: Int, _ column: Int) -> Bool? {
    switch field(row, column)?.first {
    case UInt8(ascii: "t"): true
    case UInt8(ascii: "f"): false
    default: nil
    }
  }

  /// A `bytea`; nil if the value is NULL or not one.
  package func bytes(_ row: Int, _ column: Int) -> [UInt8]? {
    guard let field = field(row, column), field.count >= 2, field.count % 2 == 0,
      field[0] == UInt8(ascii: "\\"), field[1] == UInt8(ascii: "x")
    else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(field.count / 2 - 1)
    for index in stride(from: 2, to: field.count, by: 2) {
      guard let high = hexValue(field[index]), let low = hexValue(field[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  /// A `timestamptz` in microseconds since 1970; nil if the value is NULL or infinite.
  package func timestamp(_ row: Int, _ column: Int) -> Int64? {
    field(row, column).flatMap { TimestampText.parse($0) }
  }

  /// The value's bytes; they live as long as `self`.
  private func field(_ row: Int, _ column: Int) -> UnsafeBufferPointer<UInt8>? {
    precondition((0..<count).contains(row) && (0..<columnCount).contains(column), "no such row or column")
    let (row, column) = (Int32(row), Int32(column))
    guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
      return nil
    }
    let bytes = UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self)
    return UnsafeBufferPointer(start: bytes, count: Int(PQgetlength(result, row, column)))
  }
}
