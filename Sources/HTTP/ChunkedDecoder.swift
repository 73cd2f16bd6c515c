internal import Text

/// Decodes a chunked body (RFC 9112, 7.1), in whatever pieces it arrives.
///
///     size ─▶ extension ─▶ lineFeed ─▶ data ─▶ dataEnd ─▶ size …
///                             └─ size 0 ─▶ trailer lines ─▶ done
///
/// Extensions and trailers are skipped, and bounded; every line ends with CR LF.
package struct ChunkedDecoder {
  package enum Progress: Equatable {
    case needsMore
    case done
    case refused(HTTPRefusal)
  }

  private enum State {
    case size, chunkExtension, sizeLineFeed
    case data, dataReturn, dataLineFeed
    case trailerStart, trailer, trailerLineFeed, lastLineFeed
    case done
  }

  private var state = State.size
  private var size = 0
  private var digits = 0
  /// The bytes of the body so far.
  private var count = 0
  /// How many more bytes extensions and trailers may have.
  private var spare: Int
  private let limit: Int

  /// - Parameters:
  ///   - limit: the most bytes that the body may have.
  ///   - spare: the most bytes that extensions and trailers may have together.
  package init(limit: Int, spare: Int = 4096) {
    self.limit = limit
    self.spare = spare
  }

  /// Appends the part of the body that `input` holds. `consumed` is less than the whole only if the body ends before.
  package mutating func decode(
    _ input: UnsafeRawBufferPointer, into body: inout [UInt8]
  ) -> (progress: Progress, consumed: Int) {
    decode(input) { body.append(contentsOf: $0) }
  }

  /// The same; `take` gets the body piece by piece.
  mutating func decode(
    _ input: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) -> Void
  ) -> (progress: Progress, consumed: Int) {
    var index = 0
    while index < input.count, state != .done {
      if state == .data {
        let piece = min(size, input.count - index)
        take(UnsafeRawBufferPointer(rebasing: input[index..<index + piece]))
        count += piece
        index += piece
        size -= piece
        if size == 0 { state = .dataReturn }
      } else {
        if let refusal = step(input[index]) { return (.refused(refusal), index) }
        index += 1
      }
    }
    return (state == .done ? .done : .needsMore, index)
  }

  /// One byte that is not data.
  private mutating func step(_ byte: UInt8) -> HTTPRefusal? {
    switch state {
    case .size: return sizeByte(byte)
    case .chunkExtension:
      if byte == ByteScan.carriageReturn { return become(.sizeLineFeed) }
      return passOver(byte, in: .chunkExtension)
    case .sizeLineFeed: return expect(byte, ByteScan.lineFeed, then: size == 0 ? .trailerStart : .data)
    case .dataReturn: return expect(byte, ByteScan.carriageReturn, then: .dataLineFeed)
    case .dataLineFeed: return expect(byte, ByteScan.lineFeed, then: .size)
    case .trailerStart:
      if byte == ByteScan.carriageReturn { return become(.lastLineFeed) }
      return passOver(byte, in: .trailer)
    case .trailer:
      if byte == ByteScan.carriageReturn { return become(.trailerLineFeed) }
      return passOver(byte, in: .trailer)
    case .trailerLineFeed: return expect(byte, ByteScan.lineFeed, then: .trailerStart)
    case .lastLineFeed: return expect(byte, ByteScan.lineFeed, then: .done)
    case .data, .done: return nil
    }
  }

  private mutating func sizeByte(_ byte: UInt8) -> HTTPRefusal? {
    if let value = hexValue(byte, upperCase: true) {
      if digits == 0 { size = 0 }
      digits += 1
      guard digits <= 15 else { return .badChunk }
      size = size << 4 | Int(value)
      return size > limit - count ? .bodyTooLarge : nil
    }
    guard digits > 0 else { return .badChunk }
    digits = 0
    switch byte {
    case ByteScan.carriageReturn: return become(.sizeLineFeed)
    case UInt8(ascii: ";"): return passOver(byte, in: .chunkExtension)
    default: return .badChunk
    }
  }

  private mutating func become(_ next: State) -> HTTPRefusal? {
    state = next
    return nil
  }

  private mutating func expect(_ byte: UInt8, _ wanted: UInt8, then next: State) -> HTTPRefusal? {
    guard byte == wanted else { return .badChunk }
    return become(next)
  }

  private mutating func passOver(_ byte: UInt8, in next: State) -> HTTPRefusal? {
    spare -= 1
    guard spare >= 0, byte >= 0x20 || byte == ByteScan.tab, byte != 0x7f else { return .badChunk }
    return become(next)
  }
}
