import CouponLog
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
  /// What the HTTP API asks: the strategy, behind what stands before it.
  package let coupons: any CouponService
  package let bystander: DatabaseBystander
  private let platform: PlatformProbe
  private let settings: APISettings
  private let context: ProgramContext
  private let clock: SystemClock
  private let pool: PostgresPool
  private let redis: RedisAccess
  private let publisher: LogPublisher
  private let follower: LogFollower
  private let admission: Admission
  private let kafka: KafkaConfiguration

  package init(
    _ settings: APISettings, _ context: ProgramContext, wires: APIWires = APIWires()
  ) {
    let wires = wires.crashing(CrashSwitch(settings.crash))
    let context = context.switchable(FaultTarget.servers, by: settings.admin)
    (self.settings, self.context) = (settings, context)
    let key = settings.coupons.key
    pool = DatabasePools(
      settings.database, settings.schema, deadline: settings.server.requestDeadline,
      log: context.log, metrics: context.metrics, faults: context.faults
    ).open("eda-api", maxWaiting: min(settings.server.maxConnections, 4_096))
    clock = SystemClock(offsetMilliseconds: Int64(settings.coupons.clockOffsetMilliseconds))
    kafka = settings.kafka.client("eda-api")
    func connect(_ name: String, trial: [[String]]) -> RedisAccess {
      RedisAccess(
        configuration: settings.redis.configuration, name: name,
        maxPending: settings.server.maxConnections + 64, seam: context.seam(.redis), trial: trial)
    }
    let redis = connect("eda-api", trial: DaySet.trial(prefix: settings.redis.keyPrefix))
    redis.tellTroubles(to: context.log, of: settings.redis.configuration)
    self.redis = redis
    publisher = LogPublisher(topic: settings.kafka.topic, metrics: context.metrics, log: context.log)
    let admission = Admission(
      AdmissionOptions(
        strategy: settings.coupons.strategy, key: key, keyPrefix: settings.redis.keyPrefix,
        partitions: settings.kafka.partitions, capacity: settings.server.maxConnections,
        requestDeadline: settings.server.requestDeadline),
      AdmissionPorts(
        clock: .real, wallClock: { [clock] in clock.now() }, redis: redis,
        connect: { connect($0, trial: []) }, outlet: wires.outlet(publisher), archive: EventArchive(pool)),
      context)
    self.admission = admission
    coupons = wires.coupons(admission.coupons)
    bystander = DatabaseBystander(pool: pool)
    platform = PlatformProbe(bystander)
    let end = Ending()
    follower = LogFollower(
      settings.kafka, kafka,
      offsets: OffsetMemory(pool, topic: settings.kafka.topic, schema: settings.schema),
      keys: KeyMemory(pool, key: key), log: context.log,
      handlers: LogFollower.Handlers(
        onTarget: { partition, offset in admission.mustReach(offset, in: partition) },
        onMessages: { [publisher] messages in
          let before = admission.view.ownClaimsRead
          admission.took(messages)
          if publisher.isTroubled, admission.view.ownClaimsRead != before { publisher.cameBack() }
        },
        onProblem: { partition, problem in admission.stopped(partition, problem) },
        onOther: { partition, problem in admission.stoppedAll(partition, problem) },
        next: { partition in admission.view.list.nextOffset(of: partition) },
        onEnd: { partition, end, askedAt in admission.saw(end: end, of: partition, askedAt: askedAt) },
        onFailure: { reason in end.fail(reason) }))
    self.end = end
    let brokers = context.seam(.kafka)
    publisher.seam = brokers
    follower.seam = brokers
    context.tell(strategy: settings.coupons.strategyName)
    redisFigures()
  }

  private let end: Ending

  /// The listeners around it.
  package func application() -> Application {
    let application = Application(
      server: settings.server, admin: settings.admin,
      services: APIServices(
        coupons: coupons, bystander: bystander, platform: { [platform] in platform.readiness }),
      parts: [self], context: context,
      clock: clock)
    end.whenFailed { [log = context.log, weak application] reason in
      log.error("cannot go on", ["reason": reason])
      application?.end(code: 1)
    }
    return application
  }

  package func start() async throws {
    redis.start()
    var onDelivered: (@LoopActor (PublishTicket) -> Void)?
    if admission.hearsOfDeliveries { onDelivered = { [admission] ticket in admission.delivered(ticket) } }
    try publisher.start(kafka, onDelivered: onDelivered) { [admission] ticket, problem in
      admission.deliveryFailed(ticket, problem)
    }
    try follower.start()
    admission.start()
    platform.start()
    admission.view.outsideTrouble = { [redis, follower] in
      var reasons: [String] = []
      if let trouble = redis.trouble { reasons.append(trouble.kind.phrase) }
      if !follower.isReachable { reasons.append("Kafka does not answer") }
      return reasons
    }
  }

  package func stop(deadline: Instant) async {
    admission.stopReconciling()
    platform.stop()
    await publisher.stop(deadline: deadline)
    await follower.stop()
    admission.stop()
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
    context.metrics.counter(
      "redis_redirects_total", help: "Calls that a node of a Redis cluster has sent on to another."
    ) { Double(redis.statistics.redirects) }
  }
}
