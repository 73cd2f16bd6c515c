/// The partition of a key: Kafka's own partitioner (32-bit MurmurHash2, seed 0x9747b28c), the same for every client.
///
/// - Precondition: `partitions > 0`.
package func murmur2Partition(key: [UInt8], partitions: Int) -> Int32 {
  let positive = murmur2(key) & 0x7fff_ffff
  return Int32(truncatingIfNeeded: Int(positive) % partitions)
}

/// 32-bit MurmurHash2 as Kafka's Java client computes it.
package func murmur2(_ bytes: [UInt8]) -> UInt32 {
  let multiplier: UInt32 = 0x5bd1_e995
  var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: bytes.count)
  var index = 0
  while index + 4 <= bytes.count {
    var word =
      UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16
      | UInt32(bytes[index + 3]) << 24
    word &*= multiplier
    word ^= word >> 24
    word &*= multiplier
    hash &*= multiplier
    hash ^= word
    index += 4
  }
  let left = bytes.count - index
  if left >= 3 { hash ^= UInt32(bytes[index + 2]) << 16 }
  if left >= 2 { hash ^= UInt32(bytes[index + 1]) << 8 }
  if left >= 1 {
    hash ^= UInt32(bytes[index])
    hash &*= multiplier
  }
  hash ^= hash >> 13
  hash &*= multiplier
  hash ^= hash >> 15
  return hash
}
