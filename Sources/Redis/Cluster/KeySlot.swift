/// Which of a cluster's 16,384 slots a key belongs to: CRC-16/XMODEM of the key, or of what stands between its first braces.
package enum KeySlot {
  package static let count = 16_384

  package static func of(_ key: String) -> Int {
    var key = key
    return key.withUTF8 { of($0) }
  }

  package static func of(_ key: some Collection<UInt8>) -> Int { Int(crc16(hashed(key))) % count }

  /// What stands between the first `{` and the next `}`, where that is something: keys that share it share a slot.
  private static func hashed<Key: Collection<UInt8>>(_ key: Key) -> Key.SubSequence {
    guard let open = key.firstIndex(of: UInt8(ascii: "{")) else { return key[...] }
    let rest = key[key.index(after: open)...]
    guard let close = rest.firstIndex(of: UInt8(ascii: "}")), close != rest.startIndex else {
      return key[...]
    }
    return rest[..<close]
  }

  /// Polynomial 0x1021, beginning with 0, nothing reflected.
  package static func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
    bytes.reduce(UInt16(0)) { crc, byte in crc << 8 ^ table[Int(UInt8(crc >> 8) ^ byte)] }
  }

  private static let table: [UInt16] = (0..<256).map { byte in
    (0..<8).reduce(UInt16(byte) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
  }
}

/// The key of a command, which says where in a cluster it goes.
enum CommandKey {
  /// The key of an encoded call: of the first command that has one. Nil: every node may be asked.
  static func find(in bytes: [UInt8]) -> ArraySlice<UInt8>? {
    var rest = bytes[...]
    while let arguments = next(&rest) {
      if let key = key(of: arguments) { return key }
    }
    return nil
  }

  private static func key(of arguments: [ArraySlice<UInt8>]) -> ArraySlice<UInt8>? {
    guard let name = arguments.first else { return nil }
    switch String(decoding: name, as: UTF8.self).uppercased() {
    case "MULTI", "EXEC", "DISCARD", "UNWATCH", "ASKING", "SCRIPT", "PING", "HELLO", "AUTH", "CLIENT",
      "CLUSTER",
      "INFO", "CONFIG", "ACL", "SCAN", "DBSIZE", "FLUSHALL", "FLUSHDB", "WAIT":
      return nil
    case "EVAL", "EVALSHA": return arguments.count > 3 ? arguments[3] : nil
    default: return arguments.count > 1 ? arguments[1] : nil
    }
  }

  private static func next(_ rest: inout ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
    guard let count = number(after: UInt8(ascii: "*"), &rest) else { return nil }
    var arguments: [ArraySlice<UInt8>] = []
    for _ in 0..<count {
      guard let length = number(after: UInt8(ascii: "$"), &rest) else { return nil }
      arguments.append(rest.prefix(length))
      rest = rest.dropFirst(length + 2)
    }
    return arguments
  }

  private static func number(after mark: UInt8, _ rest: inout ArraySlice<UInt8>) -> Int? {
    guard rest.first == mark else { return nil }
    var value = 0
    rest = rest.dropFirst()
    while let byte = rest.popFirst(), byte != 13 { value = value * 10 + Int(byte) - 48 }
    rest = rest.dropFirst()
    return value
  }
}
