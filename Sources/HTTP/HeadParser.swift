/// What a parser may hold of a head before it refuses it.
package struct HTTPHeadLimits: Sendable {
  package var startLineBytes: Int
  package var headBytes: Int
  package var headers: Int

  /// At most 64 KiB, since a header's place is kept in sixteen bits.
  package init(startLineBytes: Int = 4096, headBytes: Int = 8192, headers: Int = 64) {
    self.headBytes = min(headBytes, Int(UInt16.max))
    self.startLineBytes = min(startLineBytes, self.headBytes)
    self.headers = headers
  }
}

/// Reads the first line and the header lines of a request or of an answer.
///
/// It keeps nothing between calls: it is given all bytes of the head that have arrived so far, from the first on. Errors are
/// found in the order of the bytes, so what it says of a head does not depend on the pieces in which it came: of a longer
/// piece it says the same, or the shorter one was `incomplete`. After `complete` its properties tell what was found.
package final class HeadParser {
  package enum Kind { case request, answer }

  package enum Result: Equatable {
    case incomplete
    /// The head ends before the byte `length`.
    case complete(length: Int)
    case refused(HTTPRefusal)
  }

  /// How the body's end is known, as far as the head tells.
  package enum BodyLength: Equatable {
    case none
    /// Capped at `Int.max`.
    case bytes(Int)
    case chunked
  }

  /// Why a head was not read to its end.
  enum Stop: Error {
    case incomplete
    case refused(HTTPRefusal)
  }

  package let kind: Kind
  package let limits: HTTPHeadLimits
  package internal(set) var version = HTTPVersion.http11
  package internal(set) var body = BodyLength.none
  package internal(set) var closes = false
  package internal(set) var keepsAlive = false
  package internal(set) var expectsContinue = false
  package internal(set) var hasUnknownExpectation = false
  /// The status of an answer.
  package internal(set) var status = 0

  var methodRange = 0..<0
  var targetRange = 0..<0
  /// The target's question mark, or its end.
  var queryMark = 0
  var hostCount = 0
  var hasLength = false
  var headerBlock = 0..<0
  private let fields: UnsafeMutablePointer<HeaderField>
  private var fieldCount = 0

  package init(_ kind: Kind, limits: HTTPHeadLimits = HTTPHeadLimits()) {
    self.kind = kind
    self.limits = limits
    fields = .allocate(capacity: max(1, limits.headers))
  }

  deinit { fields.deallocate() }

  /// Reads a head from its first byte on.
  package func parse(_ bytes: UnsafeRawBufferPointer) -> Result {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return .incomplete }
    do throws(Stop) {
      return .complete(length: try readHead(HeadBytes(base: base, count: bytes.count, limits: limits)))
    } catch {
      switch error {
      case .incomplete: return .incomplete
      case .refused(let refusal): return .refused(refusal)
      }
    }
  }

  /// The header lines, copied out of the bytes that were parsed last.
  package func headers(_ bytes: UnsafeRawBufferPointer) -> HTTPHeaders {
    guard let base = bytes.baseAddress else { return HTTPHeaders() }
    return HTTPHeaders(
      copying: base, block: headerBlock, fields: UnsafeBufferPointer(start: fields, count: fieldCount))
  }

  private func readHead(_ head: HeadBytes) throws(Stop) -> Int {
    version = .http11
    body = .none
    closes = false
    keepsAlive = false
    expectsContinue = false
    hasUnknownExpectation = false
    hostCount = 0
    hasLength = false
    fieldCount = 0
    // An empty line before a request is passed over, once (RFC 9112, 2.2).
    let start = kind == .request && head.startsWithEmptyLine ? 2 : 0
    var end = try head.startLineEnd(from: start)
    switch kind {
    case .request: try readRequestLine(head, start..<end)
    case .answer: try readStatusLine(head, start..<end)
    }
    var next = end + 2
    let firstHeader = next
    while true {
      end = try head.headerLineEnd(from: next)
      if end == next { break }
      guard fieldCount < limits.headers else { throw .refused(.tooManyHeaders) }
      let field = try readHeaderLine(head, next..<end)
      fields[fieldCount] = field
      fieldCount &+= 1
      try recognise(field, head)
      next = end &+ 2
    }
    headerBlock = firstHeader..<next
    try checkWhole()
    return next &+ 2
  }

  private func readHeaderLine(_ head: HeadBytes, _ line: Range<Int>) throws(Stop) -> HeaderField {
    var index = line.lowerBound
    if ByteScan.isBlank(head[index]) { throw .refused(.foldedLine) }
    while index < line.upperBound, ByteScan.isToken(head[index]) { index &+= 1 }
    guard index < line.upperBound else { throw .refused(.missingColon) }
    guard head[index] == ByteScan.colon, index > line.lowerBound else {
      throw .refused(ByteScan.isBlank(head[index]) ? .spaceBeforeColon : .badHeaderName)
    }
    let range = Range(uncheckedBounds: (index &+ 1, line.upperBound))
    let value = ByteScan.trimmed(head.base, range)
    return HeaderField(
      nameStart: UInt16(truncatingIfNeeded: line.lowerBound),
      nameCount: UInt16(truncatingIfNeeded: index &- line.lowerBound),
      valueStart: UInt16(truncatingIfNeeded: value.lowerBound),
      valueCount: UInt16(truncatingIfNeeded: value.count))
  }

  /// What only the whole head tells.
  private func checkWhole() throws(Stop) {
    if body == .chunked {
      if hasLength { throw .refused(.ambiguousLength) }
      if version == .http10 { throw .refused(.badTransferEncoding) }
    }
    if kind == .request, version == .http11, hostCount == 0 { throw .refused(.missingHost) }
  }
}
