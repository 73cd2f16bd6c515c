// The headers that say how long a message is and what becomes of the connection: picked up while the lines are read.
extension HeadParser {
  @inline(__always)
  func recognise(_ field: HeaderField, _ head: HeadBytes) throws(Stop) {
    let name = head.base + Int(field.nameStart)
    switch field.nameCount {
    case 4:
      if ByteScan.spells(name, 4, "host") { try readHost(field, head) }
    case 6:
      if kind == .request, ByteScan.spells(name, 6, "expect") { readExpect(field, head) }
    case 10:
      if ByteScan.spells(name, 10, "connection") { readConnection(field, head) }
    case 14:
      if ByteScan.spells(name, 14, "content-length") { try readContentLength(field, head) }
    case 17:
      if ByteScan.spells(name, 17, "transfer-encoding") { try readTransferEncoding(field, head) }
    default: break
    }
  }

  private func readHost(_ field: HeaderField, _ head: HeadBytes) throws(Stop) {
    guard kind == .request else { return }
    hostCount &+= 1
    guard hostCount == 1 else { throw .refused(.repeatedHost) }
    for index in field.value where !Self.isHost(head[index]) { throw .refused(.badHost) }
  }

  /// A name, an address or a port; not what would begin a path, a query or user information.
  private static func isHost(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "@"), UInt8(ascii: "\\"),
      UInt8(ascii: ","):
      false
    default: byte > 0x20 && byte < 0x7f
    }
  }

  private func readExpect(_ field: HeaderField, _ head: HeadBytes) {
    if ByteScan.spells(head.base + Int(field.valueStart), Int(field.valueCount), "100-continue") {
      expectsContinue = true
    } else {
      hasUnknownExpectation = true
    }
  }

  /// Digits only, and one such line: no sign, no list, no blank in between. A number that no machine holds is only large.
  private func readContentLength(_ field: HeaderField, _ head: HeadBytes) throws(Stop) {
    guard !hasLength else { throw .refused(.repeatedContentLength) }
    guard !field.value.isEmpty else { throw .refused(.badContentLength) }
    var length = 0
    for index in field.value {
      guard ByteScan.isDigit(head[index]) else { throw .refused(.badContentLength) }
      let (product, overflows) = length.multipliedReportingOverflow(by: 10)
      let (sum, exceeds) = product.addingReportingOverflow(Int(head[index] - 0x30))
      length = overflows || exceeds || length == Int.max ? Int.max : sum
    }
    hasLength = true
    if body != .chunked { body = .bytes(length) }
  }

  private func readTransferEncoding(_ field: HeaderField, _ head: HeadBytes) throws(Stop) {
    guard body != .chunked,
      ByteScan.spells(head.base + Int(field.valueStart), Int(field.valueCount), "chunked")
    else { throw .refused(.badTransferEncoding) }
    body = .chunked
  }

  private func readConnection(_ field: HeaderField, _ head: HeadBytes) {
    var start = field.value.lowerBound
    let end = field.value.upperBound
    while start < end {
      var comma = start
      while comma < end, head[comma] != UInt8(ascii: ",") { comma &+= 1 }
      let option = ByteScan.trimmed(head.base, start..<comma)
      if ByteScan.spells(head.base + option.lowerBound, option.count, "close") { closes = true }
      if ByteScan.spells(head.base + option.lowerBound, option.count, "keep-alive") { keepsAlive = true }
      start = comma &+ 1
    }
  }
}
