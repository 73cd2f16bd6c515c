internal import Crdkafka
internal import EventLoop

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Asks what groups have committed. Blocks.
enum GroupQuestions {
  /// How soon a coordinator that is not ready yet is asked again.
  private static let pauseMicroseconds: UInt32 = 100_000

  /// Asks until the deadline: a group's coordinator that has just started loads its offsets first.
  static func committed(
    _ client: OpaquePointer, _ group: String, _ topic: String, _ partitions: Int, _ deadline: Instant
  ) -> Result<[Int32: Int64], KafkaError> {
    while true {
      let answer = ask(client, group, topic, partitions, deadline)
      guard case .failure(.unavailable) = answer, Instant.now < deadline else { return answer }
      usleep(pauseMicroseconds)
    }
  }

  private static func ask(
    _ client: OpaquePointer, _ group: String, _ topic: String, _ partitions: Int, _ deadline: Instant
  ) -> Result<[Int32: Int64], KafkaError> {
    let all = PartitionList(topic, Dictionary(uniqueKeysWithValues: (0..<Int32(partitions)).map { ($0, 0) }))
    var question: OpaquePointer? = rd_kafka_ListConsumerGroupOffsets_new(group, all.pointer)
    guard let asked = question else { return .failure(.refused("\(group) is no name of a group")) }
    defer { rd_kafka_ListConsumerGroupOffsets_destroy(asked) }
    var offsets: [Int32: Int64] = [:]
    let call = "offsets of \(group)"
    let error = TopicAdministration.ask(
      client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, deadline, call
    ) { options, queue in
      rd_kafka_ListConsumerGroupOffsets(client, &question, 1, options, queue)
    } read: { event in
      var count = 0
      let result = rd_kafka_event_ListConsumerGroupOffsets_result(event)
      guard let groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count), count > 0 else {
        return .unavailable("\(call): no answer")
      }
      if let error = rd_kafka_group_result_error(groups[0]) {
        return ErrorCode.asError(rd_kafka_error_code(error), call)
      }
      guard let list = rd_kafka_group_result_partitions(groups[0]) else { return nil }
      for entry in PartitionList.entries(of: list) where entry.offset >= 0 {
        offsets[entry.partition] = entry.offset
      }
      return nil
    }
    return error.map { .failure($0) } ?? .success(offsets)
  }
}
