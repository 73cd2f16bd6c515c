import CouponLog
package import CouponAPI
import CouponDatabase
import CouponStore
package import EventLoop
import Kafka
import Faults
import Operations
import Postgres
package import Programs

/// `eda worker` as a whole: it prepares the tables, then writes what the log says.
@LoopActor
package final class EDAWorker: ApplicationPart {
  private let settings: WorkerSettings
  private let context: ProgramContext
  private let pool: PostgresPool
  private let tables: TablePreparation
  private let worker: LogWorker
  private let end: Ending
  private var isStopped = false

  package init(
    _ settings: WorkerSettings, _ context: ProgramContext, wires: WorkerWires = WorkerWires()
  ) {
    let context = context.switchable([.database, .kafka, .coupons], by: settings.admin)
    if let bug = settings.bug { context.faults?.set(.coupons, bug, now: .now) }
    let wires = wires.crashing(CrashSwitch(settings.crash)).faulty(CouponSeam(context.faults))
    (self.settings, self.context) = (settings, context)
    let key = settings.coupons.key
    pool = DatabasePools(
      settings.database, settings.schema, deadline: BatchWriter.patience, log: context.log,
      metrics: context.metrics, faults: context.faults
    ).open("eda-worker", maxWaiting: 64)
    tables = TablePreparation(
      settings.schema, pool, ranksAreUnique: settings.coupons.strategy.isRanked, key: key,
      trouble: TroubleLog(context.log))
    let end = Ending()
    self.end = end
    let (kafka, seam) = (settings.kafka, context.seam(.kafka))
    let brokers = kafka.client("eda-worker")
    worker = LogWorker(
      topic: kafka.topic, partitions: kafka.partitions,
      // One connection is left for the looks at where the tables stand.
      writers: max(1, settings.database.pool - 1),
      tables: wires.tables(
        BatchWriter(
          pool, topic: kafka.topic, empty: LogLedger(key: key, partitions: kafka.partitions),
          decides: settings.coupons.strategy == .log, fold: wires.fold)),
      ports: WorkerPorts(
        clock: .real,
        group: { onRebalance, onProblem throws(KafkaError) in
          let consumer = try KafkaGroupConsumer(
            configuration: brokers, group: Names.consumerGroup(topic: kafka.topic), topic: kafka.topic,
            options: KafkaGroupConsumer.Options(valueLimit: BatchRecord.readBytes),
            onRebalance: onRebalance, onProblem: onProblem)
          consumer.seam = seam
          return wires.group(consumer)
        },
        questions: { () throws(KafkaError) in try KafkaAdmin(configuration: brokers) },
        offsets: OffsetMemory(pool, topic: kafka.topic, schema: settings.schema)),
      context: context, onFailure: { reason in end.fail(reason) })
    context.tell(strategy: settings.coupons.strategyName)
  }

  /// The listeners around it: health and figures only.
  package func application() -> Application {
    let application = Application(
      server: settings.server, admin: settings.admin,
      services: APIServices(readiness: { self.readiness() }), parts: [self], context: context,
      clock: SystemClock())
    end.whenFailed { [log = context.log, weak application] reason in
      log.error("cannot go on", ["reason": reason])
      application?.end(code: 1)
    }
    return application
  }

  package func readiness() -> ServiceReadiness {
    guard tables.isDone else { return ServiceReadiness(reasons: ["preparing the tables"]) }
    guard worker.isWriting else { return ServiceReadiness(reasons: ["the database does not answer"]) }
    return ServiceReadiness(reasons: worker.isAssigned ? [] : ["waiting for partitions of the log"])
  }

  package func start() async throws {
    EventLoop.shared.spawn {
      do {
        try await self.tables.run(every: .milliseconds(500), within: .seconds(10))
        if !self.isStopped { try self.worker.start() }
      } catch {
        self.end.fail("\(error)")
      }
    }
  }

  package func stop(deadline: Instant) async {
    isStopped = true
    tables.stop()
    await worker.stop(deadline: deadline)
    await pool.close()
  }
}
