package enum LogLevel: String, CaseIterable, Comparable, Sendable {
  case debug, info, warning, error

  private var order: Int {
    switch self {
    case .debug: 0
    case .info: 1
    case .warning: 2
    case .error: 3
    }
  }

  package static func < (a: LogLevel, b: LogLevel) -> Bool { a.order < b.order }
}

/// The keys and values of a log line after its constant message, in order.
package typealias LogMetadata = KeyValuePairs<StaticString, any CustomStringConvertible>

/// Formats one line of `key=value` pairs. Values are escaped, so that none can break the line or forge a key.
enum LogLine {
  /// A longer line is cut: a pipe accepts this much in one piece.
  static let maximumLength = 4_000

  /// `time` is ISO 8601.
  static func format(
    time: String, level: LogLevel, program: String, message: StaticString, metadata: LogMetadata
  ) -> [UInt8] {
    var line = "time=\(time) level=\(level.rawValue) program=\(program) message="
    line += value("\(message)")
    for (key, content) in metadata { line += " \(key)=\(value("\(content)"))" }
    var bytes = Array(line.utf8.prefix(maximumLength))
    if bytes.count == maximumLength {
      // Does not cut inside a character.
      while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
      bytes.removeLast()
      bytes.append(contentsOf: "…".utf8)
    }
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }

  /// Returns the text unchanged if it is unambiguous, otherwise quoted and escaped.
  static func value(_ text: String) -> String {
    if !text.isEmpty, text.utf8.allSatisfy(isPlain) { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      default:
        switch scalar.properties.generalCategory {
        // Line separators of all scripts, and marks that change the text's direction.
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
          quoted += "\\u{\(String(scalar.value, radix: 16))}"
        default: quoted.unicodeScalars.append(scalar)
        }
      }
    }
    return quoted + "\""
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "._-:/+,@{}[]".utf8.contains(byte)
    }
  }
}
