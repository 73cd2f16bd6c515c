import CouponAPI
import EventLoop
import Kafka

/// The seam of the event-driven strategies: everything between a request and the log that a strategy replaces.
@LoopActor
protocol CouponEngine: CouponService {
  /// Why requests cannot be answered, beyond what the log says.
  var outsideTrouble: @LoopActor () -> [String] { get set }
  /// Whether it waits for the reports of what was delivered, too.
  var hearsOfDeliveries: Bool { get }

  func start()
  func stop()

  // The log, as it is read.
  func mustReach(_ offset: Int64, in partition: Int)
  func take(_ messages: [KafkaMessage])
  func stop(_ partition: Int, _ problem: LogProblem)

  // The log, as it is written.
  func delivered(_ ticket: PublishTicket)
  func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem)
}

/// The log decides: what counts is what is read back.
extension LogCouponService: CouponEngine {
  var hearsOfDeliveries: Bool { false }
  func start() {}
  func stop() {}
  func delivered(_ ticket: PublishTicket) {}
}
