internal import Text

/// Encodes commands as RESP directly into the buffer for the socket.
package struct RedisWriter {
  var bytes: [UInt8]
  private(set) var commands = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  package mutating func command(_ name: StaticString, _ first: String, _ second: String) {
    begin(3)
    add(name)
    add(first)
    add(second)
  }

  /// Commands that were encoded beforehand, all but the last argument of the last one.
  package mutating func commands(_ template: RedisTemplate, last argument: String) {
    commands += template.commands
    bytes.append(contentsOf: template.bytes)
    add(argument)
  }

  package mutating func command(_ arguments: some Collection<String>) {
    begin(arguments.count)
    for argument in arguments { add(argument) }
  }

  mutating func command(_ name: StaticString) {
    begin(1)
    add(name)
  }

  fileprivate mutating func begin(_ count: Int) {
    commands += 1
    bytes.append(UInt8(ascii: "*"))
    number(count)
  }

  private mutating func add(_ text: StaticString) {
    text.withUTF8Buffer { add($0) }
  }

  fileprivate mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { add($0) }
  }

  private mutating func add(_ argument: UnsafeBufferPointer<UInt8>) {
    bytes.append(UInt8(ascii: "$"))
    number(argument.count)
    bytes.append(contentsOf: argument)
    endLine()
  }

  private mutating func number(_ value: Int) {
    bytes.append(decimal: Int64(value))
    endLine()
  }

  private mutating func endLine() {
    bytes.append(13)
    bytes.append(10)
  }
}

/// Commands that are sent repeatedly with a different last argument: encoded once.
package struct RedisTemplate: Sendable {
  let bytes: [UInt8]
  let commands: Int

  /// - Parameter commands: the last one without its last argument.
  package init(_ commands: [[String]]) {
    var writer = RedisWriter(bytes: [])
    for (index, command) in commands.enumerated() {
      writer.begin(command.count + (index == commands.count - 1 ? 1 : 0))
      for argument in command { writer.add(argument) }
    }
    (bytes, self.commands) = (writer.bytes, commands.count)
  }
}

package enum RedisCallKind: Hashable, Sendable {
  case command
  /// MULTI, the commands, EXEC.
  case transaction

  /// Appends what `write` writes.
  ///
  /// - Returns: the number of commands between MULTI and EXEC; nil for a single command.
  func encode(into bytes: inout [UInt8], _ write: (inout RedisWriter) -> Void) -> Int? {
    // Moved, not copied.
    var writer = RedisWriter(bytes: bytes)
    bytes = []
    defer { bytes = writer.bytes }
    guard self == .transaction else {
      write(&writer)
      return nil
    }
    writer.command("MULTI")
    write(&writer)
    let commands = writer.commands - 1
    writer.command("EXEC")
    return commands
  }
}
