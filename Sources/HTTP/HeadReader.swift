/// One pass over a head: a value, so that its state lives in registers and on the stack.
struct HeadReader {
  let kind: HeadParser.Kind
  let limits: HTTPHeadLimits
  let classes: ByteClasses
  private let fields: UnsafeMutablePointer<HeaderField>
  private var fieldCount = 0

  var version = HTTPVersion.http11
  var body = HeadParser.BodyLength.none
  var closes = false
  var keepsAlive = false
  var expectsContinue = false
  var hasUnknownExpectation = false
  var status = 0

  /// Why the head was not read to its end. (Not thrown: every head that arrives in pieces ends here, and a throw costs
  /// more.)
  private(set) var failure = HeadParser.Result.incomplete
  var methodRange = 0..<0
  var targetRange = 0..<0
  /// The target's question mark, or its end.
  var queryMark = 0
  var hostCount = 0
  var hasLength = false
  private var headerBlock = 0..<0

  /// `fields` has room for as many as the limits allow, and outlives this value.
  init(
    kind: HeadParser.Kind, limits: HTTPHeadLimits, classes: ByteClasses,
    fields: UnsafeMutablePointer<HeaderField>
  ) {
    self.kind = kind
    self.limits = limits
    self.classes = classes
    self.fields = fields
  }

  /// The head's length; nil if it was not read to its end, for the reason in `failure`.
  mutating func readHead(_ head: HeadBytes) -> Int? {
    // One empty line before a request is skipped (RFC 9112, 2.2).
    let start = kind == .request && head.startsWithEmptyLine ? 2 : 0
    guard let firstEnd = startLineEnd(head, from: start) else { return nil }
    let isFirstRead =
      kind == .request ? readRequestLine(head, start..<firstEnd) : readStatusLine(head, start..<firstEnd)
    guard isFirstRead else { return nil }
    var next = firstEnd + 2
    while let end = headerLineEnd(head, from: next) {
      if end == next {
        headerBlock = firstEnd + 2..<next
        return checkWhole() ? next &+ 2 : nil
      }
      guard readHeaderLine(head, Range(uncheckedBounds: (next, end))) else { return nil }
      next = end &+ 2
    }
    return nil
  }

  /// The header lines, in a request behind its target.
  func headers(_ bytes: UnsafeRawBufferPointer) -> HTTPHeaders {
    guard let base = bytes.baseAddress else { return HTTPHeaders() }
    let start = kind == .request ? targetRange.lowerBound : headerBlock.lowerBound
    return HTTPHeaders(
      copying: base, block: Range(uncheckedBounds: (start, headerBlock.upperBound)),
      fields: UnsafeBufferPointer(start: fields, count: fieldCount))
  }

  /// Notes why the head is refused; returns false, for the caller to return.
  mutating func refuse(_ refusal: HTTPRefusal) -> Bool {
    failure = .refused(refusal)
    return false
  }

  /// Nil, with the reason noted: more bytes are needed, unless there are too many already.
  private mutating func missing(_ head: HeadBytes, limit: Int, _ tooLong: HTTPRefusal) -> Int? {
    failure = head.count >= limit ? .refused(tooLong) : .incomplete
    return nil
  }

  // MARK: - Lines

  private mutating func startLineEnd(_ head: HeadBytes, from start: Int) -> Int? {
    guard let end = lineEnd(head, from: start, limit: limits.startLineBytes, .startLineTooLong) else {
      return nil
    }
    guard head[end] == ByteScan.carriageReturn else {
      failure = .refused(.controlCharacter)
      return nil
    }
    return end
  }

  @inline(__always)
  private mutating func headerLineEnd(_ head: HeadBytes, from start: Int) -> Int? {
    var from = start
    while let end = lineEnd(head, from: from, limit: limits.headBytes, .headTooLarge) {
      if head[end] != ByteScan.tab { return end }
      from = end &+ 1
    }
    return nil
  }

  /// The carriage return that ends the line, or a tab before it.
  @inline(__always)
  private mutating func lineEnd(_ head: HeadBytes, from start: Int, limit: Int, _ tooLong: HTTPRefusal)
    -> Int?
  {
    let window = min(head.count, limit)
    let end = start < window ? ByteScan.firstControl(head.base, from: start, to: window) : window
    guard end < window else { return missing(head, limit: limit, tooLong) }
    switch head[end] {
    case ByteScan.carriageReturn:
      guard end &+ 1 < window else { return missing(head, limit: limit, tooLong) }
      if head[end &+ 1] == ByteScan.lineFeed { return end }
      failure = .refused(.bareCarriageReturn)
    case ByteScan.tab: return end
    case ByteScan.lineFeed: failure = .refused(.bareLineFeed)
    default: failure = .refused(.controlCharacter)
    }
    return nil
  }

  @inline(__always)
  private mutating func readHeaderLine(_ head: HeadBytes, _ line: Range<Int>) -> Bool {
    guard fieldCount < limits.headers else { return refuse(.tooManyHeaders) }
    if ByteScan.isBlank(head[line.lowerBound]) { return refuse(.foldedLine) }
    let index = classes.end(of: ByteClasses.token, head.base, from: line.lowerBound, to: line.upperBound)
    guard index < line.upperBound else { return refuse(.missingColon) }
    guard head[index] == ByteScan.colon, index > line.lowerBound else {
      return refuse(ByteScan.isBlank(head[index]) ? .spaceBeforeColon : .badHeaderName)
    }
    let value = ByteScan.trimmed(head.base, Range(uncheckedBounds: (index &+ 1, line.upperBound)))
    let field = HeaderField(
      nameStart: UInt16(truncatingIfNeeded: line.lowerBound),
      nameCount: UInt16(truncatingIfNeeded: index &- line.lowerBound),
      valueStart: UInt16(truncatingIfNeeded: value.lowerBound),
      valueCount: UInt16(truncatingIfNeeded: value.upperBound &- value.lowerBound))
    fields[fieldCount] = field
    fieldCount &+= 1
    return recognise(field, head)
  }

  /// Checks what only the whole head shows.
  private mutating func checkWhole() -> Bool {
    if body == .chunked {
      if hasLength { return refuse(.ambiguousLength) }
      if version == .http10 { return refuse(.badTransferEncoding) }
    }
    if kind == .request, version == .http11, hostCount == 0 { return refuse(.missingHost) }
    return true
  }
}
