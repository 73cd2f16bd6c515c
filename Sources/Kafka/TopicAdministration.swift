internal import Crdkafka
internal import EventLoop

/// Creating, deleting and describing topics. Blocks.
enum TopicAdministration {
  typealias Answer = (_ event: OpaquePointer) -> KafkaError?

  static func create(
    _ client: OpaquePointer, _ name: String, _ partitions: Int, _ replicas: Int?,
    _ settings: [(String, String)],
    _ deadline: Instant
  ) -> Result<KafkaAdmin.Creation, KafkaError> {
    if let no = refusalOfMock(client, deadline, "creating a topic") { return .failure(no) }
    var topic: OpaquePointer? = rd_kafka_NewTopic_new(name, Int32(partitions), Int32(replicas ?? -1), nil, 0)
    guard let made = topic else { return .failure(.refused("no such topic can be: \(name), \(partitions)")) }
    defer { rd_kafka_NewTopic_destroy(made) }
    for (key, value) in settings { rd_kafka_NewTopic_set_config(made, key, value) }
    var creation = KafkaAdmin.Creation.created
    let error = ask(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline, "creating \(name)") { options, queue in
      rd_kafka_CreateTopics(client, &topic, 1, options, queue)
    } read: { event in
      let error = firstTopicError(
        rd_kafka_event_CreateTopics_result(event), rd_kafka_CreateTopics_result_topics)
      if error?.code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS {
        creation = .existed
        return nil
      }
      return error.map { ErrorCode.asError($0.code, "creating \(name)", $0.text) }
    }
    return error.map { .failure($0) } ?? .success(creation)
  }

  static func delete(_ client: OpaquePointer, _ name: String, _ deadline: Instant) -> Result<Void, KafkaError>
  {
    if let no = refusalOfMock(client, deadline, "deleting a topic") { return .failure(no) }
    var topic: OpaquePointer? = rd_kafka_DeleteTopic_new(name)
    guard let made = topic else { return .failure(.refused("\(name) is no name of a topic")) }
    defer { rd_kafka_DeleteTopic_destroy(made) }
    let error = ask(client, RD_KAFKA_ADMIN_OP_DELETETOPICS, deadline, "deleting \(name)") { options, queue in
      rd_kafka_DeleteTopics(client, &topic, 1, options, queue)
    } read: { event in
      let error = firstTopicError(
        rd_kafka_event_DeleteTopics_result(event), rd_kafka_DeleteTopics_result_topics)
      if error?.code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART { return nil }
      return error.map { ErrorCode.asError($0.code, "deleting \(name)", $0.text) }
    }
    return error.map { .failure($0) } ?? .success(())
  }

  static func describe(
    _ client: OpaquePointer, _ name: String, _ deadline: Instant
  ) -> Result<[String: String], KafkaError> {
    if let no = refusalOfMock(client, deadline, "describing a topic's settings") { return .failure(no) }
    var resource: OpaquePointer? = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name)
    guard let made = resource else { return .failure(.refused("\(name) is no name of a topic")) }
    defer { rd_kafka_ConfigResource_destroy(made) }
    var settings: [String: String] = [:]
    let error = ask(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline, "describing \(name)") {
      options, queue in
      rd_kafka_DescribeConfigs(client, &resource, 1, options, queue)
    } read: { event in
      var count = 0
      let result = rd_kafka_event_DescribeConfigs_result(event)
      guard let described = rd_kafka_DescribeConfigs_result_resources(result, &count), count > 0 else {
        return nil
      }
      let code = rd_kafka_ConfigResource_error(described[0])
      guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
        let text = rd_kafka_ConfigResource_error_string(described[0]).map { String(cString: $0) }
        return ErrorCode.asError(code, "describing \(name)", text)
      }
      settings = entries(of: described[0])
      return nil
    }
    return error.map { .failure($0) } ?? .success(settings)
  }

  // MARK: - One call

  /// Sends one request and waits for its result; nil is success.
  static func ask(
    _ client: OpaquePointer, _ operation: rd_kafka_admin_op_t, _ deadline: Instant, _ call: String,
    send: (_ options: OpaquePointer?, _ queue: OpaquePointer) -> Void, read: Answer
  ) -> KafkaError? {
    let wait = milliseconds(until: deadline)
    let options = rd_kafka_AdminOptions_new(client, operation)
    defer { rd_kafka_AdminOptions_destroy(options) }
    rd_kafka_AdminOptions_set_request_timeout(options, wait, nil, 0)
    guard let queue = rd_kafka_queue_new(client) else { return .misconfigured("librdkafka gives no queue") }
    defer { rd_kafka_queue_destroy(queue) }
    send(options, queue)
    // The request's own timeout passes first.
    guard let event = rd_kafka_queue_poll(queue, wait &+ 1000) else {
      return .unavailable("\(call): no answer in time")
    }
    defer { rd_kafka_event_destroy(event) }
    let code = rd_kafka_event_error(event)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
      return ErrorCode.asError(code, call, String(cString: rd_kafka_event_error_string(event)))
    }
    return read(event)
  }

  /// The embedded broker does not answer such requests: each would wait for its timeout.
  private static func refusalOfMock(_ client: OpaquePointer, _ deadline: Instant, _ what: String)
    -> KafkaError?
  {
    Metadata.isMockCluster(client, deadline) ? .unsupported("\(what) on the embedded broker") : nil
  }

  private static func firstTopicError(
    _ result: OpaquePointer?,
    _ topics: (OpaquePointer?, UnsafeMutablePointer<Int>?) -> UnsafeMutablePointer<OpaquePointer?>?
  ) -> (code: rd_kafka_resp_err_t, text: String?)? {
    var count = 0
    guard let results = topics(result, &count), count > 0 else { return nil }
    let code = rd_kafka_topic_result_error(results[0])
    guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
    return (code, rd_kafka_topic_result_error_string(results[0]).map { String(cString: $0) })
  }

  private static func entries(of resource: OpaquePointer?) -> [String: String] {
    var count = 0
    guard let entries = rd_kafka_ConfigResource_configs(resource, &count) else { return [:] }
    var settings: [String: String] = [:]
    for index in 0..<count {
      guard rd_kafka_ConfigEntry_is_sensitive(entries[index]) == 0,
        let name = rd_kafka_ConfigEntry_name(entries[index]),
        let value = rd_kafka_ConfigEntry_value(entries[index])
      else { continue }
      settings[String(cString: name)] = String(cString: value)
    }
    return settings
  }
}
