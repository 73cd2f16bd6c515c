package import EventLoop
package import Kafka

/// The log, as one worker of the group reads it.
@LoopActor
package protocol LogGroup: AnyObject {
  var partitions: Set<Int32> { get }
  func start() throws(KafkaError)
  func assign(from offsets: [Int32: Int64])
  /// At least one message as soon as there is one, then no more than `limit` of them and `bytes`. Empty after `close`.
  func next(atMost limit: Int, bytes: Int) async -> [KafkaMessage]
  func pause()
  func resume()
  func seek(_ partition: Int32, to offset: Int64)
  /// Tells the group the next offset of each partition.
  @discardableResult func commit(_ offsets: [Int32: Int64]) -> Completion<Void>
  func close(deadline: Instant) async
}

extension KafkaGroupConsumer: LogGroup {}
