// The first line: of a request, or of an answer.
extension HeadParser {
  /// `method SP target SP version`, with exactly one space each. The target is a path with or without a query: what
  /// proxies are asked (an absolute target, CONNECT) and `*` are not for this server.
  func readRequestLine(_ head: HeadBytes, _ line: Range<Int>) throws(Stop) {
    var index = line.lowerBound
    while index < line.upperBound, ByteScan.isToken(head[index]) { index &+= 1 }
    guard index > line.lowerBound, index < line.upperBound, head[index] == ByteScan.space else {
      throw .refused(.badStartLine)
    }
    methodRange = Range(uncheckedBounds: (line.lowerBound, index))
    let target = index &+ 1
    index = target
    queryMark = -1
    while index < line.upperBound {
      let byte = head[index]
      if byte == ByteScan.space { break }
      if byte == UInt8(ascii: "?"), queryMark < 0 { queryMark = index }
      if byte >= 0x7f || byte == UInt8(ascii: "#") { throw .refused(.badTarget) }
      index &+= 1
    }
    guard index < line.upperBound else { throw .refused(.badStartLine) }
    targetRange = Range(uncheckedBounds: (target, index))
    if queryMark < 0 { queryMark = index }
    version = try readVersion(head, index &+ 1, line.upperBound)
    guard head[target] == UInt8(ascii: "/") else { throw .refused(.badTarget) }
  }

  /// `version SP status SP reason`, the reason and its space possibly missing.
  func readStatusLine(_ head: HeadBytes, _ line: Range<Int>) throws(Stop) {
    let start = line.lowerBound
    guard line.count >= 12, head[start + 8] == ByteScan.space,
      line.count == 12 || head[start + 12] == ByteScan.space
    else { throw .refused(.badStartLine) }
    version = try readVersion(head, start, start + 8)
    var number = 0
    for index in start + 9..<start + 12 {
      guard ByteScan.isDigit(head[index]) else { throw .refused(.badStartLine) }
      number = number * 10 + Int(head[index] - 0x30)
    }
    guard number >= 100 else { throw .refused(.badStartLine) }
    status = number
  }

  private func readVersion(_ head: HeadBytes, _ start: Int, _ end: Int) throws(Stop) -> HTTPVersion {
    guard end - start == 8 else { throw .refused(.badStartLine) }
    let word = UInt64(bigEndian: head.base.loadUnaligned(fromByteOffset: start, as: UInt64.self))
    if word == 0x4854_5450_2f31_2e31 { return .http11 }  // "HTTP/1.1"
    if word == 0x4854_5450_2f31_2e30 { return .http10 }
    guard word >> 24 == 0x48_5454_502f, ByteScan.isDigit(head[start + 5]),
      head[start + 6] == UInt8(ascii: "."), ByteScan.isDigit(head[start + 7])
    else { throw .refused(.badStartLine) }
    throw .refused(.unsupportedVersion)
  }

  /// The request's method, read from the bytes that were parsed last.
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

  /// The request without its body, read from the bytes that were parsed last.
  package func request(_ bytes: UnsafeRawBufferPointer) -> HTTPRequest {
    let path = targetRange.lowerBound..<queryMark
    let query = queryMark < targetRange.upperBound ? queryMark + 1..<targetRange.upperBound : nil
    return HTTPRequest(
      method: method(bytes), path: String(decoding: bytes[path], as: UTF8.self),
      query: query.map { String(decoding: bytes[$0], as: UTF8.self) },
      version: version, headers: headers(bytes), body: [])
  }
}
