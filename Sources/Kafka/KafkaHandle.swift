internal import Crdkafka
internal import EventLoop

/// One client of librdkafka. Its owner destroys it, once.
///
/// Unchecked Sendable because the library's handle may be used from any thread until it is destroyed, and calls
/// that leave the loop go through `offLoop`, whose last one is the destruction.
final class KafkaHandle: @unchecked Sendable {
  let pointer: OpaquePointer
  /// Why its connections fail.
  let failures = ConnectionFailures()
  private let calls = BlockingCalls()

  init(_ kind: rd_kafka_type_t, _ configuration: KafkaConfiguration, _ settings: ClientSettings)
    throws(KafkaError)
  {
    let conf = try configuration.makeConf(settings)
    // Instead of the library's own lines on stderr.
    failures.attach(to: conf)
    var text = [CChar](repeating: 0, count: 512)
    guard let pointer = rd_kafka_new(kind, conf, &text, text.count) else {
      rd_kafka_conf_destroy(conf)
      failures.detach()
      let reason = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw KafkaError.misconfigured(String(decoding: reason, as: UTF8.self))
    }
    self.pointer = pointer
  }

  /// Runs a blocking call on its own thread; calls of one client run one after the other.
  @LoopActor
  func offLoop<Value: Sendable>(
    _ call: @escaping @Sendable (OpaquePointer) -> Result<Value, KafkaError>
  ) async throws(KafkaError) -> Value {
    let answer = Completion<Result<Value, KafkaError>>()
    calls.run {
      let result = call(self.pointer).mapError { $0.because(self.failures.text) }
      EventLoop.shared.submit { answer.succeed(result) }
    }
    do {
      return try await answer.value().get()
    } catch let error as KafkaError {
      throw error
    } catch {
      throw KafkaError.unavailable("\(error)")
    }
  }

  /// How long an owner waits for the end of its client. A call under way has a deadline of its own, but a look-up of a
  /// name, for which the library's threads wait, has none: it then ends on its own thread, or with the process.
  private static let patience = Duration.seconds(2)

  /// Frees the client and ends its threads, after every call that is under way. It must not be used afterwards.
  ///
  /// - Parameters:
  ///   - leavesGroup: whether a member of a group that has not left yet does so (which may block a while).
  ///   - before: what must be freed first.
  @LoopActor
  func destroy(leavesGroup: Bool = true, _ before: @escaping @Sendable () -> Void = {}) async {
    let flags = leavesGroup ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE
    let ended = Completion<Void>()
    calls.run {
      before()
      rd_kafka_destroy_flags(self.pointer, flags)
      self.failures.detach()
      EventLoop.shared.submit { ended.succeed(()) }
    }
    _ = try? await ended.value(deadline: .now + Self.patience)
  }
}

/// How long a blocking call may still take.
func milliseconds(until deadline: Instant) -> Int32 {
  Int32(clamping: Int64(max(1, (deadline - .now).milliseconds)))
}
