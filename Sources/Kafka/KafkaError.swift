internal import Crdkafka

/// Why a call failed.
package enum KafkaError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The producer holds as much as it may; the message was never enqueued.
  case queueFull
  /// No broker could be asked in time; nothing was done (or, of an administrative call, nothing is known).
  case unavailable(String)
  /// This broker cannot do it (the embedded one has no administration).
  case unsupported(String)
  /// The broker answered no.
  case refused(String)
  /// A setting that the library does not take.
  case misconfigured(String)

  package var description: String {
    switch self {
    case .queueFull: "the producer's queue is full"
    case .unavailable(let reason): "Kafka is unavailable: \(reason)"
    case .unsupported(let reason): "the broker does not support this: \(reason)"
    case .refused(let reason): "Kafka refused: \(reason)"
    case .misconfigured(let reason): "Kafka is misconfigured: \(reason)"
    }
  }
}

extension KafkaError {
  /// The same with what connections failed of, where it says that no broker could be asked.
  func because(_ cause: String?) -> KafkaError {
    guard case .unavailable(let reason) = self, let cause else { return self }
    return .unavailable("\(reason): \(cause)")
  }

  /// What a broker's answer to a call means, by the number that the protocol gives it.
  package init(answer code: Int32, to call: String) {
    self = ErrorCode.asError(rd_kafka_resp_err_t(rawValue: code), call)
  }
}

/// What became of one message.
package enum KafkaDelivery: Hashable, Sendable {
  /// Acknowledged by all replicas that count.
  case delivered(partition: Int32, offset: Int64)
  /// The library never got it (a delayed `produce` that failed): it is not in the log and never will be.
  case notPersisted(String)
  /// The library had it: it may be in the log, or come to be.
  case possiblyPersisted(String)
}

/// What keeps a reader from reading.
package enum KafkaProblem: Hashable, Sendable {
  /// The wanted offset is not in the log: its beginning is gone, or it was made anew. The partition stops; a member of a
  /// group may `seek`.
  case reset(partition: Int32, reason: String)
  /// The next message is not the next offset. The partition stops; a member of a group may `seek`.
  case gap(partition: Int32, expected: Int64, found: Int64)
  /// The topic or a partition of it does not exist.
  case missing(String)
  /// No broker answers. A state, not a failure: reading goes on by itself when one does.
  case unreachable(String)
  /// The cluster refuses (credentials, rights), or the client has failed for good.
  case refused(String)
}

/// librdkafka's error codes, classified by what they mean to a caller or a reader.
enum ErrorCode {
  /// Whether it says that a broker could not be reached, and not why.
  static func isSilence(_ code: rd_kafka_resp_err_t) -> Bool {
    switch code {
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT,
      RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__PURGE_QUEUE,
      RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
      true
    default: false
    }
  }

  static func text(_ code: rd_kafka_resp_err_t) -> String { String(cString: rd_kafka_err2str(code)) }

  /// The error of a call that asked a broker.
  static func asError(_ code: rd_kafka_resp_err_t, _ call: String, _ detail: String? = nil) -> KafkaError {
    let reason = "\(call): \(detail ?? text(code))"
    return switch code {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: .queueFull
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED,
      RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
      .unsupported(reason)
    case _ where code.rawValue > 0 && !isTransient(code): .refused(reason)
    case RD_KAFKA_RESP_ERR__INVALID_ARG, RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL:
      .refused(reason)
    default: .unavailable(reason)
    }
  }

  /// What a broker answers while it starts, elects or is overloaded, or before it has heard of a new topic, a new leader or
  /// replicas that have caught up. Whether a topic exists is for `describe` to say.
  static func isTransient(_ code: rd_kafka_resp_err_t) -> Bool {
    switch code {
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
      RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_NOT_CONTROLLER,
      RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
      RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR_UNKNOWN,
      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
      RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
      RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
      true
    default: false
    }
  }

  /// What a reader's error event means; nil where it passes by itself.
  static func asProblem(_ code: rd_kafka_resp_err_t, partition: Int32?, reason: String) -> KafkaProblem? {
    switch code {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN: .unreachable(reason)
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
      RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      .missing(reason)
    // A connection that fails; when all of them do, that comes as well, and the connections' own words say why.
    case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL: nil
    case RD_KAFKA_RESP_ERR__FATAL,
      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
      RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      .refused(reason)
    default:
      // A partition's own error (out of range, truncated, corrupt) stops its reader: the log is not what it was.
      if let partition, isReset(code) { .reset(partition: partition, reason: reason) } else { nil }
    }
  }

  private static func isReset(_ code: rd_kafka_resp_err_t) -> Bool {
    switch code {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR__NO_OFFSET,
      RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
      true
    default: code.rawValue == logTruncation
    }
  }

  /// `RD_KAFKA_RESP_ERR__LOG_TRUNCATION`, which 2.0.2 does not name yet.
  private static let logTruncation: Int32 = -139
}
