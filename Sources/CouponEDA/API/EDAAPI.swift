package import CouponAPI
package import CouponDatabase
import CouponStore
package import EventLoop
import Kafka
import Faults
import Operations
import Postgres
package import Programs
import Redis

/// `eda api` as a whole.
///
///     coupon requests ─▶ list (memory) ─▶ gate (Redis) ─▶ log (Kafka) ─▶ list
///     bystander, recorded events ─▶ PostgreSQL, which no coupon waits for
@LoopActor
package final class EDAAPI: ApplicationPart {
  package var coupons: any CouponService { engine }
  package let bystander: DatabaseBystander
  private let settings: APISettings
  private let context: ProgramContext
  private let clock: SystemClock
  private let pool: PostgresPool
  private let redis: RedisClient
  private let publisher: LogPublisher
  private let reader: LogReader
  private let engine: any CouponEngine
  /// Nil where Redis decides: then its set is the truth.
  private let reconciler: Reconciler?
  private let kafka: KafkaConfiguration

  /// - Parameter bug: for tests of the checker.
  package init(
    _ settings: APISettings, _ context: ProgramContext, bug: PlantedBug? = nil
  ) {
    let context = context.switchable(FaultTarget.allCases, by: settings.admin)
    (self.settings, self.context) = (settings, context)
    let key = settings.coupons.key
    pool = DatabasePools(
      settings.database, settings.schema, deadline: settings.server.requestDeadline,
      metrics: context.metrics, faults: context.faults
    ).open("eda-api", maxWaiting: min(settings.server.maxConnections, 4_096))
    clock = SystemClock(offsetMilliseconds: Int64(settings.coupons.clockOffsetMilliseconds))
    kafka = KafkaConfiguration(brokers: settings.kafka.brokers, clientID: "eda-api")
    func connect(_ name: String) -> RedisClient {
      RedisClient(
        configuration: settings.redis.configuration, name: name,
        maxPending: settings.server.maxConnections + 64, seam: context.seam(.redis))
    }
    let redis = connect("eda-api")
    self.redis = redis
    publisher = LogPublisher(topic: settings.kafka.topic, metrics: context.metrics)
    let parts = RedisCouponService.Parts(
      key: key, keyPrefix: settings.redis.keyPrefix, partitions: settings.kafka.partitions,
      capacity: settings.server.maxConnections, redis: redis, publisher: publisher,
      archive: EventArchive(pool))
    let coupons: any CouponEngine
    switch bug == .bareDeliveryReport ? .redis(.transaction, .notPersisted) : settings.coupons.strategy {
    case .log:
      let service = LogCouponService(
        key: key, partitions: parts.partitions, capacity: parts.capacity,
        gate: Gate(redis, keyPrefix: parts.keyPrefix, metrics: context.metrics), publisher: publisher,
        archive: parts.archive, context: context, bug: bug)
      service.crash = CrashSwitch(settings.crash)
      coupons = service
      reconciler = Reconciler(
        redis, service, clock: clock, requestDeadline: settings.server.requestDeadline, context: context)
    case .redis(let way, let rollback):
      let service = RedisCouponService(parts, way.admission(redis, connect: connect), rollback, context)
      service.crash = CrashSwitch(settings.crash)
      coupons = service
      reconciler = nil
    }
    engine = coupons
    bystander = DatabaseBystander(pool: pool)
    let end = Ending()
    reader = LogReader(
      settings.kafka, kafka, offsets: OffsetMemory(pool, topic: settings.kafka.topic), log: context.log,
      handlers: LogReader.Handlers(
        onTarget: { partition, offset in coupons.mustReach(offset, in: partition) },
        onMessages: { coupons.take($0) },
        onProblem: { partition, problem in coupons.stop(partition, problem) },
        onFailure: { reason in end.fail(reason) }))
    self.end = end
    let brokers = context.seam(.kafka)
    publisher.seam = brokers
    reader.seam = brokers
    context.tell(strategy: settings.coupons.strategyName)
    redisFigures()
  }

  private let end: Ending

  /// The listeners around it.
  package func application() -> Application {
    let application = Application(
      server: settings.server, admin: settings.admin,
      services: APIServices(coupons: coupons, bystander: bystander), parts: [self], context: context,
      clock: clock)
    end.whenFailed { [log = context.log, weak application] reason in
      log.error("cannot go on", ["reason": reason])
      application?.end(code: 1)
    }
    return application
  }

  package func start() async throws {
    redis.start()
    engine.start()
    var onDelivered: (@LoopActor (PublishTicket) -> Void)?
    if engine.hearsOfDeliveries { onDelivered = { [engine] ticket in engine.delivered(ticket) } }
    try publisher.start(kafka, onDelivered: onDelivered) { [engine] ticket, problem in
      engine.deliveryFailed(ticket, problem)
    }
    try reader.start()
    reconciler?.start()
    engine.outsideTrouble = { [redis, reader] in
      var reasons: [String] = []
      if !redis.isConnected { reasons.append("the admission gate does not answer") }
      if !reader.isReachable { reasons.append("Kafka does not answer") }
      return reasons
    }
  }

  package func stop(deadline: Instant) async {
    reconciler?.stop()
    await publisher.stop(deadline: deadline)
    await reader.stop()
    engine.stop()
    redis.close()
    await pool.close()
  }

  private func redisFigures() {
    let redis = redis
    context.metrics.gauge("redis_calls_in_flight", help: "Calls to Redis that wait for an answer.") {
      Double(redis.statistics.inFlight)
    }
    context.metrics.counter("redis_timeouts_total", help: "Calls to Redis without an answer in time.") {
      Double(redis.statistics.timeouts)
    }
    context.metrics.counter("redis_connects_total", help: "Connections made to Redis.") {
      Double(redis.statistics.connects)
    }
  }
}
