// The headers that determine a message's length and the connection's future, noted while the lines are read.
extension HeadReader {
  @inline(__always)
  mutating func recognise(_ field: HeaderField, _ head: HeadBytes) -> Bool {
    let name = head.base + Int(field.nameStart)
    switch field.nameCount {
    case 4: return ByteScan.spells(name, 4, "host") ? readHost(field, head) : true
    case 6: return kind == .request && ByteScan.spells(name, 6, "expect") ? readExpect(field, head) : true
    case 10: return ByteScan.spells(name, 10, "connection") ? readConnection(field, head) : true
    case 14: return ByteScan.spells(name, 14, "content-length") ? readContentLength(field, head) : true
    case 17: return ByteScan.spells(name, 17, "transfer-encoding") ? readTransferEncoding(field, head) : true
    default: return true
    }
  }

  private mutating func readHost(_ field: HeaderField, _ head: HeadBytes) -> Bool {
    guard kind == .request else { return true }
    hostCount &+= 1
    guard hostCount == 1 else { return refuse(.repeatedHost) }
    let value = field.value
    let end = classes.end(of: ByteClasses.host, head.base, from: value.lowerBound, to: value.upperBound)
    return end == value.upperBound || refuse(.badHost)
  }

  private mutating func readExpect(_ field: HeaderField, _ head: HeadBytes) -> Bool {
    if ByteScan.spells(head.base + Int(field.valueStart), Int(field.valueCount), "100-continue") {
      expectsContinue = true
    } else {
      hasUnknownExpectation = true
    }
    return true
  }

  /// Digits only, in one line: no sign, no list, no blank between. A number that overflows counts as `Int.max`.
  private mutating func readContentLength(_ field: HeaderField, _ head: HeadBytes) -> Bool {
    guard !hasLength else { return refuse(.repeatedContentLength) }
    guard !field.value.isEmpty else { return refuse(.badContentLength) }
    var length = 0
    for index in field.value {
      guard ByteScan.isDigit(head[index]) else { return refuse(.badContentLength) }
      let (product, overflows) = length.multipliedReportingOverflow(by: 10)
      let (sum, exceeds) = product.addingReportingOverflow(Int(head[index] - 0x30))
      length = overflows || exceeds || length == Int.max ? Int.max : sum
    }
    hasLength = true
    if body != .chunked { body = .bytes(length) }
    return true
  }

  private mutating func readTransferEncoding(_ field: HeaderField, _ head: HeadBytes) -> Bool {
    guard body != .chunked,
      ByteScan.spells(head.base + Int(field.valueStart), Int(field.valueCount), "chunked")
    else { return refuse(.badTransferEncoding) }
    body = .chunked
    return true
  }

  private mutating func readConnection(_ field: HeaderField, _ head: HeadBytes) -> Bool {
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
    return true
  }
}
