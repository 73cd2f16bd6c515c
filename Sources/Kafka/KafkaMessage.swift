internal import Crdkafka

/// One message as it was read, with its own copy of the bytes.
package struct KafkaMessage: Hashable, Sendable {
  package let partition: Int32
  package let offset: Int64
  /// Milliseconds since 1970; -1 where the log has none.
  package let timestamp: Int64
  /// Empty where the message has none, and unless the reader keeps them (`keepsKeys`).
  package let key: [UInt8]
  /// Empty where the message has none; at most the reader's `valueLimit`, but for a partition's first message.
  package let value: [UInt8]
  /// Empty unless the reader keeps them (`keepsHeaders`).
  package let headers: [KafkaHeader]

  package init(
    partition: Int32, offset: Int64, timestamp: Int64, key: [UInt8], value: [UInt8],
    headers: [KafkaHeader] = []
  ) {
    (self.partition, self.offset, self.timestamp) = (partition, offset, timestamp)
    (self.key, self.value, self.headers) = (key, value, headers)
  }
}

package struct KafkaHeader: Hashable, Sendable {
  package let name: String
  package let value: [UInt8]

  package init(name: String, value: [UInt8]) { (self.name, self.value) = (name, value) }
}

extension KafkaMessage {
  /// Copies what the library owns, at most `limit` bytes each of key and value: other writers' messages may be a
  /// thousand times larger than ours. A partition's first message is copied whole, because its bytes tell one log
  /// from another.
  ///
  /// - Parameter buffer: memory for the value.
  init(
    copying message: UnsafePointer<rd_kafka_message_t>, key keepsKey: Bool = true, headers keepsHeaders: Bool,
    upTo limit: Int = .max, in buffer: consuming [UInt8] = []
  ) {
    var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
    let source = message.pointee
    if let payload = source.payload {
      let count = source.offset == 0 ? source.len : min(source.len, limit)
      buffer.append(contentsOf: UnsafeRawBufferPointer(start: payload, count: count))
    }
    self.init(
      partition: source.partition, offset: source.offset,
      timestamp: rd_kafka_message_timestamp(message, &kind),
      key: keepsKey ? Self.bytes(source.key, min(source.key_len, limit)) : [],
      value: buffer,
      headers: keepsHeaders ? Self.headers(of: message) : [])
  }

  private static func bytes(_ start: UnsafeRawPointer?, _ count: Int) -> [UInt8] {
    guard let start, count > 0 else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
  }

  private static func headers(of message: UnsafePointer<rd_kafka_message_t>) -> [KafkaHeader] {
    var list: OpaquePointer?
    guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return [] }
    var found: [KafkaHeader] = []
    var name: UnsafePointer<CChar>?
    var value: UnsafeRawPointer?
    var size = 0
    while rd_kafka_header_get_all(list, found.count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR,
      let name
    {
      found.append(KafkaHeader(name: String(cString: name), value: bytes(value, size)))
    }
    return found
  }
}
