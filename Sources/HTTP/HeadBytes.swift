/// The bytes of a head that have arrived, and the search for its lines within the limits.
struct HeadBytes {
  let base: UnsafeRawPointer
  let count: Int
  let limits: HTTPHeadLimits

  @inline(__always)
  subscript(index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

  var startsWithEmptyLine: Bool {
    count >= 2 && self[0] == ByteScan.carriageReturn && self[1] == ByteScan.lineFeed
  }

  @inline(__always)
  func startLineEnd(from start: Int) throws(HeadParser.Stop) -> Int {
    let end = try lineEnd(from: start, limit: limits.startLineBytes, tooLong: .startLineTooLong)
    guard self[end] == ByteScan.carriageReturn else { throw .refused(.controlCharacter) }
    return end
  }

  @inline(__always)
  func headerLineEnd(from start: Int) throws(HeadParser.Stop) -> Int {
    var end = try lineEnd(from: start, limit: limits.headBytes, tooLong: .headTooLarge)
    while self[end] == ByteScan.tab {
      end = try lineEnd(from: end &+ 1, limit: limits.headBytes, tooLong: .headTooLarge)
    }
    return end
  }

  /// The carriage return that ends the line, or a tab before it.
  @inline(__always)
  private func lineEnd(from start: Int, limit: Int, tooLong: HTTPRefusal) throws(HeadParser.Stop) -> Int {
    let window = min(count, limit)
    let end = start < window ? ByteScan.firstControl(base, from: start, to: window) : window
    guard end < window else { throw count >= limit ? .refused(tooLong) : .incomplete }
    switch self[end] {
    case ByteScan.carriageReturn:
      guard end &+ 1 < window else { throw count >= limit ? .refused(tooLong) : .incomplete }
      guard self[end &+ 1] == ByteScan.lineFeed else { throw .refused(.bareCarriageReturn) }
      return end
    case ByteScan.tab: return end
    case ByteScan.lineFeed: throw .refused(.bareLineFeed)
    default: throw .refused(.controlCharacter)
    }
  }
}
