/// Where every read of a loop goes first: what is complete is used in place, only what is not is copied.
final class ReadBuffer {
  let bytes: UnsafeMutableRawBufferPointer

  init(count: Int) { bytes = .allocate(byteCount: count, alignment: 64) }
  deinit { bytes.deallocate() }

  func first(_ count: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[..<count]) }
}

/// Buffers that connections hold only while they have something in them.
final class BufferPool {
  static let keptAtMost = 256
  private static let smallest = 1024
  private static let largestKept = 16_384
  private var spare: [ByteQueue] = []

  func take() -> ByteQueue { spare.popLast() ?? ByteQueue(capacity: Self.smallest) }

  func giveBack(_ buffer: ByteQueue) {
    guard spare.count < Self.keptAtMost, buffer.capacity <= Self.largestKept else { return }
    buffer.removeAll()
    spare.append(buffer)
  }
}
