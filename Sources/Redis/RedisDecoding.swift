extension RedisWriter {
  /// The commands that `write` writes, as a server reads them: for a Redis that is simulated.
  package static func commands(_ write: (inout RedisWriter) -> Void) -> [[String]] {
    var writer = RedisWriter(bytes: [])
    write(&writer)
    var rest = writer.bytes[...]
    var commands: [[String]] = []
    while let count = number(after: UInt8(ascii: "*"), &rest) {
      var arguments: [String] = []
      for _ in 0..<count {
        guard let length = number(after: UInt8(ascii: "$"), &rest) else { preconditionFailure("not RESP") }
        arguments.append(String(decoding: rest.prefix(length), as: UTF8.self))
        rest = rest.dropFirst(length + 2)
      }
      commands.append(arguments)
    }
    return commands
  }

  private static func number(after mark: UInt8, _ rest: inout ArraySlice<UInt8>) -> Int? {
    guard rest.first == mark else { return nil }
    let digits = rest.dropFirst().prefix { $0 != 13 }
    rest = rest.dropFirst(digits.count + 3)
    return Int(String(decoding: digits, as: UTF8.self))
  }
}
