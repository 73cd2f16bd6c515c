/// Fills a piece of memory with ASCII from front to back: what is written for every coupon, without a step of an array's
/// own for each piece. The memory must be long enough, which each step checks.
package struct TextBuffer {
  private let memory: UnsafeMutableBufferPointer<UInt8>
  package private(set) var count = 0

  package init(_ memory: UnsafeMutableBufferPointer<UInt8>) { self.memory = memory }

  package mutating func append(_ text: StaticString) {
    append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  package mutating func append(_ user: UserID) {
    var text = user.description
    text.withUTF8 { append($0) }
  }

  package mutating func append(_ byte: UInt8) {
    room(1)[0] = byte
  }

  private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let start = bytes.baseAddress else { return }
    room(bytes.count).update(from: start, count: bytes.count)
  }

  /// A number of no fixed length.
  package mutating func append(decimal number: Int64) {
    if number < 0 { append(UInt8(ascii: "-")) }
    var width = 1
    var rest = number.magnitude / 10
    while rest > 0 { (width, rest) = (width + 1, rest / 10) }
    append(digits: number.magnitude, width: width)
  }

  /// The last `width` digits of a number.
  package mutating func append(digits number: some BinaryInteger, width: Int) {
    let start = room(width)
    var rest = UInt64(truncatingIfNeeded: number)
    for place in stride(from: width - 1, through: 0, by: -1) {
      start[place] = 48 + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }

  /// 32 hexadecimal digits.
  package mutating func append(hex id: some HexIdentifier) {
    let start = room(32)
    hexDigits(id.high, to: start)
    hexDigits(id.low, to: start + 16)
  }

  private mutating func room(_ length: Int) -> UnsafeMutablePointer<UInt8> {
    guard let start = memory.baseAddress, count + length <= memory.count else {
      preconditionFailure("a text of more than \(memory.count) bytes")
    }
    defer { count += length }
    return start + count
  }
}

/// All sixteen digits at once: each nibble moves to a byte of its own, and the letters lie 39 above the digits' sequel.
private func hexDigits(_ word: UInt64, to start: UnsafeMutablePointer<UInt8>) {
  for offset in 0..<2 {
    var nibbles = offset == 0 ? word >> 32 : word & 0xffff_ffff
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff
    nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f
    let letters = ((nibbles + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
    let text = nibbles + 0x3030_3030_3030_3030 + letters * 39
    UnsafeMutableRawPointer(start + 8 * offset).storeBytes(of: text.bigEndian, as: UInt64.self)
  }
}

extension [UInt8] {
  /// An ASCII text of at most `capacity` bytes.
  package init(capacity: Int, text write: (inout TextBuffer) -> Void) {
    self.init(unsafeUninitializedCapacity: capacity) { memory, count in
      var text = TextBuffer(memory)
      write(&text)
      count = text.count
    }
  }

  /// Appends an ASCII text of at most `capacity` bytes.
  package mutating func append(capacity: Int, text write: (inout TextBuffer) -> Void) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { memory in
      var text = TextBuffer(memory)
      write(&text)
      append(contentsOf: UnsafeMutableBufferPointer(rebasing: memory[..<text.count]))
    }
  }
}
