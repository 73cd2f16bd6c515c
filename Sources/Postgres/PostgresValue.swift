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

/// Strings for a C function, consecutive in one array, each ended by a NUL.
struct CStrings {
  private var bytes: [UInt8] = []
  /// Where each begins, -1 for a null pointer; and how long it is without its NUL.
  private var offsets: [Int] = []
  private(set) var lengths: [Int32] = []
  /// 1 for binary, 0 for text, as libpq counts.
  private(set) var formats: [Int32] = []

  init() {}

  mutating func append(_ text: String) { append(format: 0) { $0.append(contentsOf: text.utf8) } }

  /// - Returns: false for a text that contains a NUL, which PostgreSQL cannot hold and libpq would cut off.
  mutating func append(_ value: PostgresValue) -> Bool {
    switch value {
    case .null:
      offsets.append(-1)
      lengths.append(0)
      formats.append(0)
      return true
    case .bytes(let raw):
      append(format: 1) { $0.append(contentsOf: raw) }
      return true
    case .column(let column):
      append(format: 1) { column.write(to: &$0) }
      return true
    default:
      let start = bytes.count
      append(format: 0) { value.write(to: &$0) }
      return !bytes[start..<(bytes.count - 1)].contains(0)
    }
  }

  private mutating func append(format: Int32, _ write: (inout [UInt8]) -> Void) {
    offsets.append(bytes.count)
    write(&bytes)
    lengths.append(Int32(clamping: bytes.count - (offsets.last ?? 0)))
    formats.append(format)
    bytes.append(0)
  }

  /// The pointers are valid only inside `body`; a null pointer ends them.
  func withPointers<R>(_ body: ([UnsafePointer<CChar>?]) -> R) -> R {
    bytes.withUnsafeBytes { raw in
      var pointers: [UnsafePointer<CChar>?] = []
      pointers.reserveCapacity(offsets.count + 1)
      for offset in offsets {
        let base = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
        pointers.append(offset < 0 ? nil : base.map { $0 + offset })
      }
      pointers.append(nil)
      return body(pointers)
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
