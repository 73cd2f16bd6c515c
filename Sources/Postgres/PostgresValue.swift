internal import Text

/// A parameter of a statement. The server infers its type from the statement (`$1::date[]` if it cannot).
package enum PostgresValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  /// Also dates, times and other types that the server reads from text.
  case text(String)
  /// A `bytea`.
  case bytes([UInt8])
  /// A `timestamptz` in microseconds since 1970.
  case timestamp(microseconds: Int64)
  /// Arrays, for `unnest`.
  case ints([Int64?])
  case texts([String?])
  case bytesArray([[UInt8]])
  case timestamps([Int64])
  /// An array that was written ahead, for many rows.
  case column(PostgresColumn)

  package init(_ value: some BinaryInteger) { self = .int(Int64(value)) }
  package init(_ value: Int64?) { self = value.map { .int($0) } ?? .null }
}

/// Strings for a C function, consecutive in one array, each ended by a NUL. The memory can be used again.
struct CStrings {
  private var bytes: [UInt8] = []
  /// Where each begins, -1 for a null pointer; and how long it is without its NUL.
  private var offsets: [Int] = []
  private var lengths: [Int32] = []
  /// 1 for binary, 0 for text, as libpq counts.
  private var formats: [Int32] = []

  /// What libpq's functions take of some of them, as long as `withArguments` runs. A null pointer ends the values.
  struct Arguments {
    let count: Int32
    let values: UnsafePointer<UnsafePointer<CChar>?>
    let lengths: UnsafePointer<Int32>?
    let formats: UnsafePointer<Int32>?
  }

  init() {}

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: bytes.count <= CStrings.keptBytes)
    offsets.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
    formats.removeAll(keepingCapacity: true)
  }

  private static let keptBytes = 65_536

  mutating func append(_ text: String) {
    begin(format: 0)
    bytes.append(contentsOf: text.utf8)
    end()
  }

  /// - Returns: false for a text that contains a NUL, which PostgreSQL cannot hold and libpq would cut off.
  mutating func append(_ value: PostgresValue) -> Bool {
    switch value {
    case .null:
      offsets.append(-1)
      lengths.append(0)
      formats.append(0)
      return true
    case .bytes(let raw):
      begin(format: 1)
      bytes.append(contentsOf: raw)
    case .column(let column):
      begin(format: 1)
      column.write(to: &bytes)
    case .int(let number):
      begin(format: 0)
      bytes.append(decimal: number)
    default:
      begin(format: 0)
      let start = bytes.count
      value.write(to: &bytes)
      let hasNul = bytes.withUnsafeBytes { $0[start...].contains(0) }
      end()
      return !hasNul
    }
    end()
    return true
  }

  private mutating func begin(format: Int32) {
    offsets.append(bytes.count)
    formats.append(format)
  }

  private mutating func end() {
    lengths.append(Int32(clamping: bytes.count - (offsets.last ?? 0)))
    bytes.append(0)
  }

  /// Calls `body` with the strings of a range, all by default.
  func withArguments<R>(_ range: Range<Int>? = nil, _ body: (Arguments) -> R) -> R {
    let range = range ?? offsets.indices
    return bytes.withUnsafeBufferPointer { bytes in
      lengths.withUnsafeBufferPointer { lengths in
        formats.withUnsafeBufferPointer { formats in
          withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: range.count + 1) { values in
            for index in range {
              let start = offsets[index] < 0 ? nil : bytes.baseAddress.map { $0 + offsets[index] }
              let text = start.map { UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }
              values.initializeElement(at: index - range.lowerBound, to: text)
            }
            values.initializeElement(at: range.count, to: nil)
            guard let first = values.baseAddress else { preconditionFailure("no memory for \(range)") }
            return body(
              Arguments(
                count: Int32(range.count), values: UnsafePointer(first),
                lengths: lengths.baseAddress.map { $0 + range.lowerBound },
                formats: formats.baseAddress.map { $0 + range.lowerBound }))
          }
        }
      }
    }
  }
}

extension PostgresValue {
  /// The server's text form.
  fileprivate func write(to out: inout [UInt8]) {
    switch self {
    case .null, .column: break
    case .bool(let value): out.append(value ? UInt8(ascii: "t") : UInt8(ascii: "f"))
    case .int(let value): out.append(decimal: value)
    case .text(let value): out.append(contentsOf: value.utf8)
    case .bytes(let value):
      out.append(text: #"\x"#)
      out.append(hex: value)
    case .timestamp(let microseconds): TimestampText.append(microseconds, to: &out)
    case .ints(let values):
      list(values, to: &out) { value, out in
        if let value { out.append(decimal: value) } else { out.append(text: "NULL") }
      }
    case .texts(let values):
      list(values, to: &out) { value, out in
        if let value { quote(value, to: &out) } else { out.append(text: "NULL") }
      }
    case .bytesArray(let values):
      list(values, to: &out) { value, out in
        out.append(text: #""\\x"#)
        out.append(hex: value)
        out.append(UInt8(ascii: "\""))
      }
    case .timestamps(let values):
      list(values, to: &out) { value, out in
        out.append(UInt8(ascii: "\""))
        TimestampText.append(value, to: &out)
        out.append(UInt8(ascii: "\""))
      }
    }
  }
}

private func list<E>(_ values: [E], to out: inout [UInt8], _ element: (E, inout [UInt8]) -> Void) {
  out.append(UInt8(ascii: "{"))
  for (index, value) in values.enumerated() {
    if index > 0 { out.append(UInt8(ascii: ",")) }
    element(value, &out)
  }
  out.append(UInt8(ascii: "}"))
}

private func quote(_ text: String, to out: inout [UInt8]) {
  out.append(UInt8(ascii: "\""))
  for byte in text.utf8 {
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { out.append(UInt8(ascii: "\\")) }
    out.append(byte)
  }
  out.append(UInt8(ascii: "\""))
}
