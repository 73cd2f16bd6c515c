import Redis
import TestSupport
import Testing

@Suite(.limited) struct KeySlotTests {
  /// The check value of CRC-16/XMODEM, and slots as the cluster specification and `CLUSTER KEYSLOT` give them.
  @Test func knownVectors() {
    #expect(KeySlot.crc16("123456789".utf8) == 0x31C3)
    let known = [
      ("", 0), ("foo", 12_182), ("bar", 5_061), ("hello", 866), ("somekey", 11_058), ("foo{hash_tag}", 2_515),
      ("{user1000}.following", 3_443), ("{user1000}.followers", 3_443),
    ]
    for (key, slot) in known { #expect(KeySlot.of(key) == slot, "\(key)") }
  }

  /// Only what stands between the first brace and the next closing one counts, where that is something.
  @Test func hashTags() {
    #expect(KeySlot.of("foo{bar}{zap}") == KeySlot.of("bar"))
    #expect(KeySlot.of("foo{{bar}}zap") == KeySlot.of("{bar"))
    #expect(KeySlot.of("foo{}{bar}") == Int(KeySlot.crc16("foo{}{bar}".utf8)) % KeySlot.count)
    #expect(KeySlot.of("foo{bar") == Int(KeySlot.crc16("foo{bar".utf8)) % KeySlot.count)
    #expect(KeySlot.of("foo}bar{") == Int(KeySlot.crc16("foo}bar{".utf8)) % KeySlot.count)
  }

  /// The first key that a call has; a transaction's commands are searched, too.
  @Test(
    arguments: [
      ([["SCARD", "a"]], "a"), ([["MULTI"], ["SADD", "{b}c", "x"], ["EXEC"]], "b"),
      ([["EVALSHA", "digest", "1", "d", "x"]], "d"), ([["UNWATCH"], ["WATCH", "e"]], "e"),
      ([["SCRIPT", "LOAD", "return 1"]], nil), ([["PING"]], nil), ([["EVALSHA", "digest", "0"]], nil),
    ] as [([[String]], String?)])
  func theKeyOfACall(commands: [[String]], key: String?) {
    let held = HeldRedisCall(.command) { writer in for command in commands { writer.command(command) } }
    #expect(held.slot == key.map { KeySlot.of($0) })
  }

  @Test func anEmptyArgumentIsNoEnd() {
    let held = HeldRedisCall(.transaction) { $0.command(["SADD", "k", ""]) }
    #expect(held.slot == KeySlot.of("k"))
  }
}
