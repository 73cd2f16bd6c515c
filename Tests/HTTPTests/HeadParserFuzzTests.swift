import HTTP
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A million mutated heads: nothing outside the bytes is read, pieces change nothing, and what is taken is
/// strict.
@Suite(.limited) struct HeadParserFuzzTests {
  #if DEBUG
    private static let mutations = 40_000
  #else
    private static let mutations = 1_000_000
  #endif

  private static let seeds = [
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /v1/policies/1/coupons HTTP/1.1\r\nHost: a:81\r\nX-User-Id: u\r\nContent-Length: 12\r\n\r\nhello",
    "PUT /a?b=c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close, te\r\n\r\n5\r\n",
    "HEAD /x HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
    "\r\nDELETE /x HTTP/1.1\r\nHost:x\r\nX:\t a \t\r\nY: \u{e9}\r\nZ:\r\n\r\n",
  ].map { Array($0.utf8) }

  /// Pieces of HTTP that make more trouble than random bytes.
  private static let pieces = [
    "\r\n", "\n", "\r", " ", "\t", ":", ": ", ",", "?", "#", "/", "\0", "\u{7f}", "\r\n ", "\r\n\r\n",
    "HTTP/1.1", "HTTP/1.0",
    "HTTP/2.0", "Host: y\r\n", "Content-Length: 5\r\n", "Content-Length: 5, 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n", "Expect: 100-continue\r\n", "99999999999999999999", "-", "+", "chunked", "GET ",
  ].map { Array($0.utf8) }

  @Test func mutatedHeads() {
    var random = SeededGenerator(seed: 20_251_122)
    let guarded = GuardedBytes(count: 4096)
    let parser = HeadParser(.request, limits: HTTPHeadLimits(startLineBytes: 200, headBytes: 400, headers: 8))
    var taken = 0
    var refused = Set<HTTPRefusal>()
    for round in 0..<Self.mutations {
      let bytes = mutate(Self.seeds[round % Self.seeds.count], &random)
      let whole = guarded.holding(bytes)
      let result = parser.parse(whole)
      var complaint: String?
      switch result {
      case .complete(let length):
        taken += 1
        complaint = Oracle.complaint(parser, whole, length)
      case .refused(let refusal): refused.insert(refusal)
      case .incomplete: break
      }
      for _ in 0..<2 where complaint == nil {
        complaint = pieceComplaint(
          Int.random(in: 0...bytes.count, using: &random), bytes, result, parser, guarded)
      }
      if let complaint {
        Issue.record("round \(round): \(complaint) in \(bytes)")
        return
      }
    }
    // Not vacuous: much is taken, and every refusal that a head can earn occurs.
    #expect(taken > Self.mutations / 10)
    #expect(refused.count >= 18, "\(refused)")
  }

  /// What a beginning says must be what the whole says, or nothing yet.
  private func pieceComplaint(
    _ count: Int, _ bytes: [UInt8], _ whole: HeadParser.Result, _ parser: HeadParser, _ guarded: GuardedBytes
  ) -> String? {
    let piece = parser.parse(guarded.holding(Array(bytes[..<count])))
    if piece == .incomplete {
      if case .complete(let length) = whole, count >= length { return "\(count) bytes should be enough" }
      return nil
    }
    return piece == whole ? nil : "\(count) bytes say \(piece), all say \(whole)"
  }

  private func mutate(_ seed: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = seed
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let at = Int.random(in: 0..<max(1, bytes.count), using: &random)
      switch Int.random(in: 0..<7, using: &random) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes.remove(at: at)
      case 3:
        bytes.insert(contentsOf: Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &random)], at: at)
      case 4:
        let end = min(bytes.count, at + Int.random(in: 1...40, using: &random))
        bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &random))
      case 5: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...20, using: &random)))
      default:
        bytes.insert(
          contentsOf: [UInt8](repeating: bytes[at], count: Int.random(in: 1...300, using: &random)), at: at)
      }
      if bytes.isEmpty { bytes = [0] }
    }
    return bytes
  }
}

/// Memory whose last byte is followed by a page that nobody may read.
private final class GuardedBytes {
  private let memory: UnsafeMutableRawPointer
  private let count: Int
  private let page = Int(getpagesize())

  init(count wanted: Int) {
    count = (wanted + page - 1) / page * page
    #if canImport(Glibc)
      let flags = MAP_PRIVATE | MAP_ANONYMOUS
    #else
      let flags = MAP_PRIVATE | MAP_ANON
    #endif
    guard let memory = mmap(nil, count + page, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED,
      mprotect(memory + count, page, PROT_NONE) == 0
    else { preconditionFailure("no guarded memory") }
    self.memory = memory
  }

  deinit { munmap(memory, count + page) }

  func holding(_ bytes: [UInt8]) -> UnsafeRawBufferPointer {
    precondition(bytes.count <= count, "a mutation is too long")
    let start = memory + (count - bytes.count)
    bytes.withUnsafeBytes {
      if let base = $0.baseAddress { start.copyMemory(from: base, byteCount: bytes.count) }
    }
    return UnsafeRawBufferPointer(start: start, count: bytes.count)
  }
}

/// Reads a head that was taken a second time, slowly and by splitting, and says what the parser should have
/// seen.
private enum Oracle {
  static func complaint(_ parser: HeadParser, _ bytes: UnsafeRawBufferPointer, _ length: Int) -> String? {
    var lines = split(Array(bytes[..<length]))
    if lines.first?.isEmpty == true { lines.removeFirst() }
    guard lines.count >= 3, lines.suffix(2).allSatisfy(\.isEmpty) else { return "the head does not end" }
    let first = lines.removeFirst().split(separator: 0x20, omittingEmptySubsequences: false).map(text)
    let request = parser.request(bytes)
    let target = request.path + (request.query.map { "?\($0)" } ?? "")
    guard first == [request.method.name, target, request.version == .http11 ? "HTTP/1.1" : "HTTP/1.0"] else {
      return "first line \(first)"
    }
    var fields: [(String, String)] = []
    for line in lines.dropLast(2) {
      guard let colon = line.firstIndex(of: 0x3a), colon > 0 else { return "no name" }
      let value = line[(colon + 1)...]
      guard line[..<colon].allSatisfy({ isTokenCharacter($0) }) else { return "bad name" }
      guard value.allSatisfy({ $0 == 9 || $0 >= 0x20 && $0 != 0x7f }) else { return "bad value" }
      fields.append((text(Array(line[..<colon])), trimmed(text(Array(value)))))
    }
    let seen = request.headers.lines
    guard seen.count == fields.count, zip(seen, fields).allSatisfy({ $0.name == $1.0 && $0.value == $1.1 })
    else {
      return "headers \(seen)"
    }
    return framingComplaint(parser, fields.map { ($0.0.lowercased(), $0.1) }, request)
  }

  private static func framingComplaint(
    _ parser: HeadParser, _ fields: [(name: String, value: String)], _ request: HTTPRequest
  ) -> String? {
    let lengths = fields.filter { $0.name == "content-length" }.map(\.value)
    let codings = fields.filter { $0.name == "transfer-encoding" }.map(\.value)
    let hosts = fields.filter { $0.name == "host" }.count
    if hosts > 1 || hosts == 0 && request.version == .http11 { return "\(hosts) hosts" }
    if lengths.count + codings.count > 1 { return "two lengths" }
    if let coding = codings.first, coding.lowercased() != "chunked" || parser.body != .chunked {
      return "coding"
    }
    if let length = lengths.first {
      guard !length.isEmpty, length.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return "length" }
      if parser.body != .bytes(Int(length) ?? .max) { return "length \(parser.body)" }
    }
    if lengths.isEmpty, codings.isEmpty, parser.body != .none { return "a body" }
    for line in fields where request.headers.first(line.name) == nil { return "lost \(line.name)" }
    return nil
  }

  private static func split(_ bytes: [UInt8]) -> [[UInt8]] {
    var lines: [[UInt8]] = [[]]
    var index = 0
    while index < bytes.count {
      if bytes[index] == 13, index + 1 < bytes.count, bytes[index + 1] == 10 {
        lines.append([])
        index += 2
      } else {
        lines[lines.count - 1].append(bytes[index])
        index += 1
      }
    }
    return lines
  }

  private static func text(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: Array(bytes), as: UTF8.self)
  }

  private static func trimmed(_ text: String) -> String {
    var view = text.utf8[...]
    while let first = view.first, first == 0x20 || first == 9 { view = view.dropFirst() }
    while let last = view.last, last == 0x20 || last == 9 { view = view.dropLast() }
    return String(decoding: view, as: UTF8.self)
  }

  private static func isTokenCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
