internal import EventLoop

// The first line: of a request, or of an answer.
extension HeadReader {
  /// `method SP target SP version`, with exactly one space each. The target is a path with or without a query, or its
  /// whole address, which clients send to proxies and every server must accept (RFC 9112, 3.2.2). The targets of CONNECT
  /// (an authority, for proxies) and `*` are refused.
  mutating func readRequestLine(_ head: HeadBytes, _ line: Range<Int>) -> Bool {
    let methodEnd = classes.end(of: ByteClasses.token, head.base, from: line.lowerBound, to: line.upperBound)
    guard methodEnd > line.lowerBound, methodEnd < line.upperBound, head[methodEnd] == ByteScan.space else {
      return refuse(.badStartLine)
    }
    methodRange = Range(uncheckedBounds: (line.lowerBound, methodEnd))
    let target = methodEnd &+ 1
    let targetEnd = classes.end(of: ByteClasses.target, head.base, from: target, to: line.upperBound)
    guard targetEnd < line.upperBound else { return refuse(.badStartLine) }
    guard head[targetEnd] == ByteScan.space else { return refuse(.badTarget) }
    guard readVersion(head, targetEnd &+ 1, line.upperBound) else { return false }
    var path = target
    if head[target] != UInt8(ascii: "/") {
      guard let start = pathStart(head, target..<targetEnd) else { return refuse(.badTarget) }
      path = start
    }
    targetRange = Range(uncheckedBounds: (path, targetEnd))
    queryMark = path
    while queryMark < targetEnd, head[queryMark] != UInt8(ascii: "?") { queryMark &+= 1 }
    return true
  }

  /// Where the path of an absolute target begins (the target's end if it has none); nil if the target is not absolute.
  /// The authority is read like a Host header: no user information (RFC 9110, 4.2.4). It replaces the Host header
  /// (RFC 9112, 3.2.2), which no route reads.
  private func pathStart(_ head: HeadBytes, _ target: Range<Int>) -> Int? {
    // An https address is refused on a connection without TLS (RFC 9110, 7.4).
    let scheme: StaticString = "http://"
    let start = target.lowerBound + scheme.utf8CodeUnitCount
    guard start <= target.upperBound,
      ByteScan.spells(head.base + target.lowerBound, scheme.utf8CodeUnitCount, scheme)
    else { return nil }
    let end = classes.end(of: ByteClasses.host, head.base, from: start, to: target.upperBound)
    // A port alone is no authority.
    guard end > start, head[start] != ByteScan.colon else { return nil }
    return end == target.upperBound || "/?".utf8.contains(head[end]) ? end : nil
  }

  /// `version SP status SP reason`; the reason and its space may be missing.
  mutating func readStatusLine(_ head: HeadBytes, _ line: Range<Int>) -> Bool {
    let start = line.lowerBound
    guard line.count >= 12, head[start + 8] == ByteScan.space,
      line.count == 12 || head[start + 12] == ByteScan.space
    else { return refuse(.badStartLine) }
    guard readVersion(head, start, start + 8) else { return false }
    var number = 0
    for index in start + 9..<start + 12 {
      guard ByteScan.isDigit(head[index]) else { return refuse(.badStartLine) }
      number = number * 10 + Int(head[index] - 0x30)
    }
    guard number >= 100 else { return refuse(.badStartLine) }
    status = number
    return true
  }

  private mutating func readVersion(_ head: HeadBytes, _ start: Int, _ end: Int) -> Bool {
    guard end - start == 8 else { return refuse(.badStartLine) }
    let word = UInt64(bigEndian: head.base.loadUnaligned(fromByteOffset: start, as: UInt64.self))
    switch word {
    case 0x4854_5450_2f31_2e31:  // "HTTP/1.1"
      version = .http11
      return true
    case 0x4854_5450_2f31_2e30:
      version = .http10
      return true
    default: break
    }
    guard word >> 24 == 0x48_5454_502f, ByteScan.isDigit(head[start + 5]),
      head[start + 6] == UInt8(ascii: "."), ByteScan.isDigit(head[start + 7])
    else { return refuse(.badStartLine) }
    return refuse(.unsupportedVersion)
  }

  func method(_ bytes: UnsafeRawBufferPointer) -> HTTPMethod {
    let name = UnsafeRawBufferPointer(rebasing: bytes[methodRange])
    if let base = name.baseAddress {
      switch name.count {
      case 3 where Self.matches(base, "GET"): return .get
      case 3 where Self.matches(base, "PUT"): return .put
      case 4 where Self.matches(base, "POST"): return .post
      case 4 where Self.matches(base, "HEAD"): return .head
      case 6 where Self.matches(base, "DELETE"): return .delete
      default: break
      }
    }
    return .other(String(decoding: name, as: UTF8.self))
  }

  private static func matches(_ base: UnsafeRawPointer, _ name: StaticString) -> Bool {
    for index in 0..<name.utf8CodeUnitCount
    where base.load(fromByteOffset: index, as: UInt8.self) != name.utf8Start[index] { return false }
    return true
  }

  /// The request without its body, with this method and time of arrival.
  func request(_ bytes: UnsafeRawBufferPointer, _ method: HTTPMethod, receivedAt: Instant?) -> HTTPRequest {
    HTTPRequest(
      method, version, headers(bytes), path: queryMark &- targetRange.lowerBound, target: targetRange.count,
      receivedAt: receivedAt)
  }
}
