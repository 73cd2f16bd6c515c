import EventLoop
import Faults
import Kafka

extension FaultBoard {
  /// The Kafka switch in the words of the Kafka module. librdkafka owns its sockets: the switch acts around produce and
  /// consume.
  @LoopActor
  var kafkaHook: KafkaFaultHook {
    { [self] _ in
      switch effect(.kafka) {
      case .now(.proceed): nil
      case .now(.refused(let reason)): .fail(reason)
      case .hang, .now(.proceedUnanswered), .now(.silent): .hang
      case .delay(let wait): .delay(wait)
      }
    }
  }
}
