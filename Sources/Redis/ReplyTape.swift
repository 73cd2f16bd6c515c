internal import Chiredis

/// Where hiredis' reader puts what it has parsed: see the shim. One for each reader, and read before the reader goes on.
final class ReplyTape {
  /// How many elements an array in a reply may have: far more than any command of ours is answered with.
  private static let elementsAtMost = 65_536
  private static let nodesAtMost = 262_144
  /// What is kept between replies at most, of nodes and of text.
  private static let keptBytes = 65_536

  private let tape: UnsafeMutablePointer<timeattack_tape>

  init() {
    tape = .allocate(capacity: 1)
    tape.initialize(to: timeattack_tape())
    tape.pointee.elements_at_most = ReplyTape.elementsAtMost
    tape.pointee.nodes_at_most = ReplyTape.nodesAtMost
  }

  deinit {
    free()
    tape.deallocate()
  }

  /// From now on the reader writes here. A reply with a longer array is an error of the connection.
  func attach(to reader: UnsafeMutablePointer<redisReader>) { timeattack_read_to(reader, tape) }

  /// The reply that the reader has completed; what it lay in is free for the next one.
  func take() -> RedisReply {
    var next = 0
    let reply = read(&next)
    tape.pointee.count = 0
    tape.pointee.used = 0
    let nodeBytes = tape.pointee.capacity * MemoryLayout<timeattack_node>.stride
    if max(nodeBytes, tape.pointee.size) > ReplyTape.keptBytes { free() }
    return reply
  }

  private func read(_ next: inout Int) -> RedisReply {
    let node = tape.pointee.nodes[next]
    next += 1
    switch node.type {
    case REDIS_REPLY_INTEGER: return .integer(node.integer)
    case REDIS_REPLY_STRING: return .string(Array(bytes(node)))
    case REDIS_REPLY_STATUS: return .status(status(bytes(node)))
    case REDIS_REPLY_ERROR: return .error(String(decoding: bytes(node), as: UTF8.self))
    case REDIS_REPLY_ARRAY:
      var elements: [RedisReply] = []
      elements.reserveCapacity(Int(node.integer))
      for _ in 0..<node.integer { elements.append(read(&next)) }
      return .array(elements)
    default: return .null
    }
  }

  /// The statuses of every transaction are compared as bytes, which costs less than reading them as UTF-8.
  private func status(_ bytes: UnsafeRawBufferPointer) -> String {
    if ReplyTape.are(bytes, "QUEUED") { return "QUEUED" }
    if ReplyTape.are(bytes, "OK") { return "OK" }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func are(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    guard let start = bytes.baseAddress, bytes.count == text.utf8CodeUnitCount else { return false }
    return memcmp(start, text.utf8Start, bytes.count) == 0
  }

  private func bytes(_ node: timeattack_node) -> UnsafeRawBufferPointer {
    guard let start = tape.pointee.bytes else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(start: start + node.start, count: node.length)
  }

  private func free() {
    timeattack_give_back(tape.pointee.nodes)
    timeattack_give_back(tape.pointee.bytes)
    (tape.pointee.nodes, tape.pointee.capacity) = (nil, 0)
    (tape.pointee.bytes, tape.pointee.size) = (nil, 0)
  }
}
