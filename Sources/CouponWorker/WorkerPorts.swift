package import CouponLog
package import EventLoop
package import Kafka

/// What a worker touches of the world, besides the tables of `BatchTables`.
package struct WorkerPorts {
  /// Deadlines and pauses.
  let clock: LoopClock
  /// Makes the member of the group that reads the log.
  let group:
    @LoopActor (
      _ onRebalance: @escaping @LoopActor (KafkaRebalance) -> Void,
      _ onProblem: @escaping @LoopActor (KafkaProblem) -> Void
    ) throws(KafkaError) -> any LogGroup
  /// Makes who answers questions about the topic.
  let questions: @LoopActor () throws(KafkaError) -> any LogQuestions
  /// What the database remembers of the log.
  let offsets: any OffsetRecords

  package init(
    clock: LoopClock,
    group:
      @escaping @LoopActor (
        _ onRebalance: @escaping @LoopActor (KafkaRebalance) -> Void,
        _ onProblem: @escaping @LoopActor (KafkaProblem) -> Void
      ) throws(KafkaError) -> any LogGroup,
    questions: @escaping @LoopActor () throws(KafkaError) -> any LogQuestions, offsets: any OffsetRecords
  ) {
    (self.clock, self.group, self.questions, self.offsets) = (clock, group, questions, offsets)
  }
}
