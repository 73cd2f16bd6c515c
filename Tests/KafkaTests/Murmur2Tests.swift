import Crdkafka
import Kafka
import TestSupport
import Testing

@Suite("The partition of a key", .limited)
struct Murmur2Tests {
  @Test(
    "hashes as Kafka's own client does",
    arguments: [
      ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
      ("a-little-bit-longer-string", -1_486_304_829),
      ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
    ] as [(String, Int32)])
  func knownHashes(key: String, hash: Int32) {
    #expect(Int32(bitPattern: murmur2(Array(key.utf8))) == hash)
  }

  @Test("is librdkafka's murmur2 partition for every length of key")
  func agreesWithTheLibrary() {
    var generator = SystemRandomNumberGenerator()
    for length in 0..<200 {
      let key = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
      for partitions in [1, 2, 7, 8, 1000] {
        let theirs = key.withUnsafeBytes {
          rd_kafka_msg_partitioner_murmur2(nil, $0.baseAddress, $0.count, Int32(partitions), nil, nil)
        }
        #expect(murmur2Partition(key: key, partitions: partitions) == theirs, "\(key) over \(partitions)")
      }
    }
  }
}
