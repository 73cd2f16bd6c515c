package import CouponAPI
package import CouponLog
package import CouponStore
package import EventLoop
package import Kafka
package import Programs
import Redis
package import Text

/// What an API process touches of the world.
package struct AdmissionPorts<Server: RedisCalls> {
  /// Deadlines and timers.
  let clock: LoopClock
  /// What people call the time.
  let wallClock: @LoopActor () -> Timestamp
  let redis: Server
  /// Makes a further connection to Redis.
  let connect: @LoopActor (_ name: String) -> Server
  let outlet: any LogOutlet
  let archive: any EventRecords

  package init(
    clock: LoopClock, wallClock: @escaping @LoopActor () -> Timestamp, redis: Server,
    connect: @escaping @LoopActor (_ name: String) -> Server, outlet: any LogOutlet, archive: any EventRecords
  ) {
    (self.clock, self.wallClock, self.redis, self.connect) = (clock, wallClock, redis, connect)
    (self.outlet, self.archive) = (outlet, archive)
  }
}

/// What one API process is told about issuing.
package struct AdmissionOptions {
  let strategy: EDAStrategy
  let key: CouponKey
  let keyPrefix: String
  let partitions: Int
  /// How many requests may wait at once.
  let capacity: Int
  let requestDeadline: Duration

  package init(
    strategy: EDAStrategy, key: CouponKey, keyPrefix: String, partitions: Int, capacity: Int,
    requestDeadline: Duration
  ) {
    (self.strategy, self.key, self.keyPrefix) = (strategy, key, keyPrefix)
    (self.partitions, self.capacity, self.requestDeadline) = (partitions, capacity, requestDeadline)
  }
}

/// Everything in an API process that decides, connected: list, strategy and reconciliation.
///
///     requests ─▶ `coupons`             the log's messages ─▶ `took`
///     failed deliveries ─▶ `deliveryFailed`         end of the log at the start ─▶ `mustReach`
///
/// The program gives it Redis, Kafka and the loop's time; the simulation gives it doubles of all three. Neither connects
/// anything by itself.
@LoopActor
package final class Admission {
  let view: LogView
  private let strategy: any CouponStrategy
  /// Nil where Redis decides: then its set is the truth.
  private let reconciler: Reconciler?

  package init<Server: RedisCalls>(
    _ options: AdmissionOptions, _ ports: AdmissionPorts<Server>, _ context: ProgramContext
  ) {
    view = LogView(
      key: options.key, keyPrefix: options.keyPrefix, partitions: options.partitions, outlet: ports.outlet,
      archive: ports.archive, clock: ports.clock, context: context)
    switch options.strategy {
    case .log:
      strategy = LogCouponService(
        view, Gate(ports.redis, keyPrefix: options.keyPrefix, clock: ports.clock, metrics: context.metrics),
        capacity: options.capacity, clock: ports.clock, context.metrics)
      reconciler = Reconciler(
        ports.redis, view, clock: ports.clock, wallClock: ports.wallClock,
        requestDeadline: options.requestDeadline, context: context)
    case .redis(let way, let rollback):
      strategy = RedisCouponService(
        view, ports.redis, way.admission(ports.redis, connect: { ports.connect($0) }, clock: ports.clock),
        rollback, capacity: options.capacity, clock: ports.clock, context)
      reconciler = nil
    }
  }

  package var coupons: any CouponService { strategy }

  /// Whether `delivered` is to be called, too.
  package var hearsOfDeliveries: Bool { strategy.hearsOfDeliveries }

  package func start() {
    strategy.start()
    reconciler?.start()
  }

  package func stopReconciling() { reconciler?.stop() }
  package func stop() { strategy.stop() }

  // MARK: - The log

  /// The broker has answered where a partition ends.
  package func saw(end: Int64, of partition: Int, askedAt: Instant) {
    view.saw(end: end, of: partition, askedAt: askedAt)
  }

  /// The log's end when the reading began.
  package func mustReach(_ offset: Int64, in partition: Int) { view.mustReach(offset, in: partition) }

  /// The way back: each message that was read becomes an outcome of the list, which the strategy answers.
  package func took(_ messages: [KafkaMessage]) { view.take(messages) { strategy.took($0) } }

  /// This partition cannot be read on.
  package func stopped(_ partition: Int, _ problem: LogProblem) { view.stop(partition, problem) }

  /// The log is another one, as this partition shows.
  package func stoppedAll(_ partition: Int, _ problem: LogProblem) { view.stopAll(partition, problem) }

  package func delivered(_ ticket: PublishTicket) { strategy.delivered(ticket) }

  package func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem) {
    if !view.deliveryFailed(ticket, problem) { strategy.deliveryFailed(ticket, problem) }
  }
}
