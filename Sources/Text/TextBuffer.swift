/// Writes ASCII into a piece of memory from front to back, faster than appending each piece to an array. Each step
/// checks that the memory is long enough. Numbers are inlinable, because other modules write them on their hot paths.
package struct TextBuffer {
  @usableFromInline let memory: UnsafeMutableBufferPointer<UInt8>
  @usableFromInline package private(set) var count = 0

  @inlinable package init(_ memory: UnsafeMutableBufferPointer<UInt8>) { self.memory = memory }

  package mutating func append(_ text: StaticString) {
    append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// The caller guarantees that the text is ASCII.
  package mutating func append(ascii text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  @inlinable package mutating func append(_ byte: UInt8) { room(1)[0] = byte }

  private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let start = bytes.baseAddress else { return }
    room(bytes.count).update(from: start, count: bytes.count)
  }

  /// A number with as many digits as it needs.
  @inlinable package mutating func append(decimal number: Int64) {
    if number < 0 { append(UInt8(ascii: "-")) }
    var width = 1
    var bound: UInt64 = 10
    while number.magnitude >= bound, width < 20 { (width, bound) = (width + 1, bound &* 10) }
    append(digits: number.magnitude, width: width)
  }

  /// The last `width` digits of a number, with leading zeros.
  @inline(__always) @inlinable package mutating func append(digits number: some BinaryInteger, width: Int) {
    append(digits: UInt64(truncatingIfNeeded: number), width: width)
  }

  /// Inlined, because a loop of a known length becomes straight code.
  @inline(__always) @inlinable package mutating func append(digits number: UInt64, width: Int) {
    let start = room(width)
    var rest = number
    for place in stride(from: width - 1, through: 0, by: -1) {
      start[place] = 48 + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }

  @inlinable mutating func room(_ length: Int) -> UnsafeMutablePointer<UInt8> {
    guard let start = memory.baseAddress, count + length <= memory.count else {
      preconditionFailure("a text of more than \(memory.count) bytes")
    }
    defer { count += length }
    return start + count
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

extension String {
  /// An ASCII text of at most `capacity` bytes.
  package init(capacity: Int, text write: (inout TextBuffer) -> Void) {
    self.init(unsafeUninitializedCapacity: capacity) { memory in
      var text = TextBuffer(memory)
      write(&text)
      return text.count
    }
  }
}
