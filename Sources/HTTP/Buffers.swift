/// The buffer that all connections read into: complete messages are used in place, only the rest is copied.
final class ReadBuffer {
  let bytes: UnsafeMutableRawBufferPointer

  init(count: Int) { bytes = .allocate(byteCount: count, alignment: 64) }
  deinit { bytes.deallocate() }

  func first(_ count: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[..<count]) }
}

/// Spare buffers: a connection holds one only while there is something in it.
final class BufferPool {
  static let keptAtMost = 256
  private static let smallest = 1024
  private static let largestKept = 16_384
  private var spare: [ByteQueue] = []
  /// What all buffers of this pool have allocated, lent or spare.
  let memory: MemoryCount

  init(limit: Int = .max) { memory = MemoryCount(limit: limit) }

  func take() -> ByteQueue { spare.popLast() ?? ByteQueue(capacity: Self.smallest, memory) }

  func giveBack(_ buffer: ByteQueue) {
    guard spare.count < Self.keptAtMost, buffer.capacity <= Self.largestKept else { return }
    buffer.removeAll()
    spare.append(buffer)
  }
}
