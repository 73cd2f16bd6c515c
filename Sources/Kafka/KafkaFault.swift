internal import EventLoop

/// What is about to be done with the broker.
package enum KafkaUse: Hashable, Sendable {
  case produce
  case consume
}

/// What a switched-on fault does to one use.
package enum KafkaFault: Hashable, Sendable {
  /// As if no broker could be reached: a produce throws `unavailable`, a reader reads nothing.
  case fail(String)
  /// The use happens that much later.
  case delay(Duration)
  /// A produce happens, its report is lost: after the message's timeout it counts as possibly persisted. A reader reads
  /// nothing.
  case hang
}

/// Asked before each use; nil is no fault. Without a hook the price is one comparison.
package typealias KafkaFaultHook = @LoopActor (KafkaUse) -> KafkaFault?
