internal import Text

/// The W3C `traceparent` header: which trace a request belongs to.
///
/// It is parsed strictly (<https://www.w3.org/TR/trace-context/>): version 00 has exactly 55 characters; of a
/// later version the first 55 are read; version ff, upper-case digits and all-zero ids are rejected.
package struct TraceContext: Hashable, Sendable, CustomStringConvertible {
  /// The header's value: as received for version 00, otherwise rewritten as version 00.
  package let description: String

  package init?(_ header: String) {
    let bytes = Array(header.utf8)
    guard bytes.count >= 55, bytes[2] == 45, bytes[35] == 45, bytes[52] == 45 else { return nil }
    let version = bytes[0..<2]
    let (trace, parent, flags) = (bytes[3..<35], bytes[36..<52], bytes[53..<55])
    guard [version, trace, parent, flags].allSatisfy({ $0.allSatisfy(isLowerHex) }) else { return nil }
    guard !trace.allSatisfy({ $0 == 48 }), !parent.allSatisfy({ $0 == 48 }) else { return nil }
    guard !version.elementsEqual("ff".utf8) else { return nil }
    if version.elementsEqual("00".utf8) {
      guard bytes.count == 55 else { return nil }
      description = header
    } else {
      guard bytes.count == 55 || bytes[55] == 45 else { return nil }
      description = String(decoding: Array("00".utf8) + bytes[2..<55], as: UTF8.self)
    }
  }

  /// A new trace, not sampled.
  package static func random(using generator: inout some RandomNumberGenerator) -> TraceContext {
    let (high, low, parent) = (generator.next() | 1, generator.next(), generator.next() | 1)
    let header = String(capacity: 55) { text in
      text.append("00-")
      text.append(hex: high)
      text.append(hex: low)
      text.append("-")
      text.append(hex: parent)
      text.append("-00")
    }
    return TraceContext(made: header)
  }

  private init(made: String) { description = made }
}

private func isLowerHex(_ byte: UInt8) -> Bool { hexValue(byte) != nil }
