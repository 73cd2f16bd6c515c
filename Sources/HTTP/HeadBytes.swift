/// The bytes of a head that have arrived.
struct HeadBytes {
  let base: UnsafeRawPointer
  let count: Int

  @inline(__always)
  subscript(index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

  var startsWithEmptyLine: Bool {
    count >= 2 && self[0] == ByteScan.carriageReturn && self[1] == ByteScan.lineFeed
  }
}
