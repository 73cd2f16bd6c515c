internal import Text

/// Bytes that wait: appended at the end, consumed at the front. It allocates its memory itself, so that appending costs
/// no checks.
final class ByteQueue {
  private var memory: UnsafeMutableRawPointer
  private(set) var capacity: Int
  private let counted: MemoryCount
  private var start = 0
  private var end = 0

  /// - Parameter counted: learns of every change of the capacity.
  init(capacity: Int, _ counted: MemoryCount) {
    self.capacity = max(64, capacity)
    self.counted = counted
    memory = .allocate(byteCount: self.capacity, alignment: 16)
    counted.add(self.capacity)
  }

  deinit {
    memory.deallocate()
    counted.take(capacity)
  }

  var count: Int { end - start }
  var isEmpty: Bool { start == end }
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory + start, count: end - start) }

  func consume(_ count: Int) {
    precondition(count <= end - start, "consumed more than there is")
    start += count
    if start == end { removeAll() }
  }

  func removeAll() {
    start = 0
    end = 0
  }

  /// Makes room for `more` bytes.
  @inline(__always)
  func reserve(_ more: Int) {
    if more > capacity - end { makeRoom(more) }
  }

  @inline(never)
  private func makeRoom(_ more: Int) {
    let count = end - start
    if count + more <= capacity, start >= capacity / 2 {
      memory.copyMemory(from: memory + start, byteCount: count)
    } else {
      let larger = max(capacity * 2, count + more)
      counted.add(larger - capacity)
      capacity = larger
      let bigger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
      bigger.copyMemory(from: memory + start, byteCount: count)
      memory.deallocate()
      memory = bigger
    }
    start = 0
    end = count
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    reserve(bytes.count)
    (memory + end).copyMemory(from: base, byteCount: bytes.count)
    end += bytes.count
  }

  func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

  @inline(__always)
  func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  func append(_ byte: UInt8) {
    reserve(1)
    memory.storeBytes(of: byte, toByteOffset: end, as: UInt8.self)
    end += 1
  }

  /// Appends text that must stay on its line: a control character becomes a space.
  func appendLineText(_ text: String) {
    let from = count
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    var index = ByteScan.firstControl(memory, from: start + from, to: end)
    while index < end {
      memory.storeBytes(of: ByteScan.space, toByteOffset: index, as: UInt8.self)
      index = ByteScan.firstControl(memory, from: index + 1, to: end)
    }
  }

  /// A number in decimal.
  func append(decimal number: Int) {
    reserve(20)
    let room = (memory + end).assumingMemoryBound(to: UInt8.self)
    var text = TextBuffer(UnsafeMutableBufferPointer(start: room, count: 20))
    text.append(decimal: Int64(number))
    end += text.count
  }
}
