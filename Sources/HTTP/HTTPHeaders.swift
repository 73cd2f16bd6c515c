/// Where one header line's name and value lie in the bytes of a head.
struct HeaderField {
  var nameStart: UInt16
  var nameCount: UInt16
  var valueStart: UInt16
  var valueCount: UInt16

  var name: Range<Int> { Int(nameStart)..<Int(nameStart) + Int(nameCount) }
  var value: Range<Int> { Int(valueStart)..<Int(valueStart) + Int(valueCount) }
}

/// The header lines of a message in their order: one array that holds the bytes as they came (a request's from its target
/// on) and, behind them, where each name and value lies. A `String` is made only of what is asked for.
package struct HTTPHeaders: Sendable {
  private let storage: [UInt8]
  package let count: Int

  package init() {
    storage = []
    count = 0
  }

  /// Copies the lines that a parser has found in `base`; the fields' offsets count from `base`, `block` is
  /// the part of it that holds the lines, perhaps behind a request's target.
  init(copying base: UnsafeRawPointer, block: Range<Int>, fields: UnsafeBufferPointer<HeaderField>) {
    count = fields.count
    guard !block.isEmpty else {
      storage = []
      return
    }
    let tableBytes = fields.count * MemoryLayout<HeaderField>.stride
    // Put together first and copied then: an array of a given capacity is made by way of its type's description, which takes
    // longer than the copy.
    storage = withUnsafeTemporaryAllocation(byteCount: block.count + tableBytes, alignment: 1) { target in
      guard let start = target.baseAddress else { return [] }
      start.copyMemory(from: base + block.lowerBound, byteCount: block.count)
      let shift = UInt16(truncatingIfNeeded: block.lowerBound)
      for (index, field) in fields.enumerated() {
        let moved = HeaderField(
          nameStart: field.nameStart &- shift, nameCount: field.nameCount,
          valueStart: field.valueStart &- shift, valueCount: field.valueCount)
        let offset = block.count + index * MemoryLayout<HeaderField>.stride
        target.storeBytes(of: moved, toByteOffset: offset, as: HeaderField.self)
      }
      return [UInt8](UnsafeRawBufferPointer(target))
    }
  }

  /// Headers to send. A control character in a value becomes a space, so that no value can begin a new line. A line is
  /// left out if its name has a character that is not allowed, and so are all from the one that exceeds 64 KiB in all.
  package init(_ lines: [(String, String)]) { self.init(lines, after: []) }

  /// - Parameter target: a request's, which is kept before the lines.
  init(_ lines: [(String, String)], after target: [UInt8]) {
    var bytes = target
    var fields: [HeaderField] = []
    for (name, value) in lines where Self.isName(name) {
      let end = bytes.count + name.utf8.count + value.utf8.count
      guard end <= Int(UInt16.max) else { break }
      fields.append(
        HeaderField(
          nameStart: UInt16(bytes.count), nameCount: UInt16(name.utf8.count),
          valueStart: UInt16(bytes.count + name.utf8.count), valueCount: UInt16(value.utf8.count)))
      bytes.append(contentsOf: name.utf8)
      bytes.append(contentsOf: value.utf8.lazy.map { $0 < 0x20 || $0 == 0x7f ? ByteScan.space : $0 })
    }
    self = bytes.withUnsafeBytes { raw in
      guard let base = raw.baseAddress else { return HTTPHeaders() }
      return fields.withUnsafeBufferPointer { HTTPHeaders(copying: base, block: 0..<raw.count, fields: $0) }
    }
  }

  private static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.allSatisfy { ByteClasses.shared.contains($0, ByteClasses.token) }
  }

  /// The value of the first line of that name (which is given in lower case).
  package func first(_ lowercasedName: String) -> String? {
    var index = 0
    return next(lowercasedName, &index)
  }

  /// Calls `body` with the bytes of the first value of that name (which is given in lower case) and whether it is the
  /// only one; does not call it if there is none. For the hot path: nothing is copied, and nothing is generic, because
  /// the caller is in another module.
  package func withFirst(
    _ lowercasedName: StaticString, _ body: (_ value: Span<UInt8>, _ isOnly: Bool) -> Void
  ) {
    storage.withUnsafeBytes { raw in
      guard count > 0, let base = raw.baseAddress else { return }
      var first: Range<Int>?
      var isOnly = true
      for index in 0..<count {
        let field = field(index, raw)
        guard ByteScan.spells(base + Int(field.nameStart), Int(field.nameCount), lowercasedName) else {
          continue
        }
        if first == nil { first = field.value } else { isOnly = false }
      }
      guard let first else { return }
      body(raw.bindMemory(to: UInt8.self).extracting(first).span, isOnly)
    }
  }

  /// The values of all lines of that name (which is given in lower case), in their order.
  package func values(_ lowercasedName: String) -> [String] {
    var found: [String] = []
    var index = 0
    while let value = next(lowercasedName, &index) { found.append(value) }
    return found
  }

  /// All lines in their order; names as they were sent.
  package var lines: [(name: String, value: String)] {
    storage.withUnsafeBytes { raw in
      (0..<count).map { index in
        let field = field(index, raw)
        return (Self.string(raw, field.name), Self.string(raw, field.value))
      }
    }
  }

  private func next(_ name: String, _ index: inout Int) -> String? {
    guard count > 0 else { return nil }
    return storage.withUnsafeBytes { raw in
      while index < count {
        let field = field(index, raw)
        index += 1
        if Int(field.nameCount) == name.utf8.count, Self.equal(raw, field.name, name) {
          return Self.string(raw, field.value)
        }
      }
      return nil
    }
  }

  private func field(_ index: Int, _ raw: UnsafeRawBufferPointer) -> HeaderField {
    let stride = MemoryLayout<HeaderField>.stride
    return raw.loadUnaligned(fromByteOffset: raw.count - (count - index) * stride, as: HeaderField.self)
  }

  private static func equal(_ raw: UnsafeRawBufferPointer, _ range: Range<Int>, _ name: String) -> Bool {
    zip(raw[range], name.utf8).allSatisfy { ByteScan.lowercased($0) == $1 }
  }

  /// Calls `body` with bytes that were kept before the lines.
  func withBytes(_ range: Range<Int>, _ body: (Span<UInt8>) -> Void) {
    storage.withUnsafeBytes { body($0.bindMemory(to: UInt8.self).extracting(range).span) }
  }

  func text(_ range: Range<Int>) -> String { storage.withUnsafeBytes { Self.string($0, range) } }

  private static func string(_ raw: UnsafeRawBufferPointer, _ range: Range<Int>) -> String {
    String(decoding: raw[range], as: UTF8.self)
  }
}
