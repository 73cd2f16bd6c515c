package import CouponAPI
import CouponStore
package import EventLoop
import Kafka
package import Operations
import Postgres
import Redis

/// `eda api` as a whole.
///
///     coupon requests ─▶ list (memory) ─▶ gate (Redis) ─▶ log (Kafka) ─▶ list
///     bystander, recorded events ─▶ PostgreSQL, which no coupon waits for
@LoopActor
package final class EDAAPI: ApplicationPart {
  package let coupons: LogCouponService
  package let bystander: DatabaseBystander
  private let settings: APISettings
  private let context: ProgramContext
  private let clock: SystemClock
  private let pool: PostgresPool
  private let redis: RedisClient
  private let publisher: LogPublisher
  private let reader: LogReader
  private let reconciler: Reconciler
  private let kafka: KafkaConfiguration

  package init(_ settings: APISettings, _ context: ProgramContext) throws(SettingsError) {
    let context = context.switchable(FaultTarget.allCases, by: settings.admin)
    (self.settings, self.context) = (settings, context)
    let key = try Composition.key(settings.coupons)
    pool = try Composition.pool(
      settings.database, settings.databaseConfiguration, deadline: settings.server.requestDeadline,
      maxWaiting: settings.server.maxConnections, name: "eda-api", context)
    guard let configuration = settings.redisConfiguration else {
      throw SettingsError(setting: "REDIS_URL", rule: "is no URL of a Redis server")
    }
    clock = SystemClock(offsetMilliseconds: Int64(settings.coupons.clockOffsetMilliseconds))
    kafka = KafkaConfiguration(brokers: settings.kafka.brokers, clientID: "eda-api")
    redis = RedisClient(
      configuration: configuration, name: "eda-api", maxPending: settings.server.maxConnections + 64)
    let gate = Gate(redis, keyPrefix: settings.redis.keyPrefix, metrics: context.metrics)
    publisher = LogPublisher(
      topic: settings.kafka.topic, metrics: context.metrics)
    let coupons = LogCouponService(
      key: key, partitions: settings.kafka.partitions, capacity: settings.server.maxConnections, gate: gate,
      publisher: publisher, archive: EventArchive(pool), context: context)
    self.coupons = coupons
    bystander = DatabaseBystander(pool: pool)
    let end = Ending()
    reader = LogReader(
      settings.kafka, kafka, offsets: OffsetMemory(pool, topic: settings.kafka.topic), log: context.log,
      handlers: LogReader.Handlers(
        onTarget: { partition, offset in coupons.mustReach(offset, in: partition) },
        onMessages: { coupons.take($0) },
        onProblem: { partition, problem in coupons.stop(partition, problem) },
        onFailure: { reason in end.fail(reason) }))
    reconciler = Reconciler(
      redis, coupons, clock: clock, requestDeadline: settings.server.requestDeadline, context: context)
    self.end = end
    redis.fault = context.faults.map { RedisFaults($0, redis) }
    publisher.fault = context.faults?.kafkaHook
    reader.fault = context.faults?.kafkaHook
    Composition.tell(settings.coupons.strategy, in: context.metrics)
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
    try publisher.start(kafka) { [coupons] ticket, problem in coupons.deliveryFailed(ticket, problem) }
    try reader.start()
    reconciler.start()
    coupons.outsideTrouble = { [redis, reader] in
      var reasons: [String] = []
      if !redis.isConnected { reasons.append("the admission gate does not answer") }
      if !reader.isReachable { reasons.append("Kafka does not answer") }
      return reasons
    }
  }

  package func stop(deadline: Instant) async {
    reconciler.stop()
    await publisher.stop(deadline: deadline)
    await reader.stop()
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
