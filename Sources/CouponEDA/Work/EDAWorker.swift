package import CouponAPI
import CouponStore
package import EventLoop
import Kafka
package import Operations
import Postgres

/// `eda worker` as a whole: it prepares the tables, then writes what the log says.
@LoopActor
package final class EDAWorker: ApplicationPart {
  private let settings: WorkerSettings
  private let context: ProgramContext
  private let pool: PostgresPool
  private let schema: Schema
  private let worker: LogWorker
  private let end: Ending
  private let trouble: TroubleLog
  private var isPrepared = false
  private var isStopped = false

  package init(
    _ settings: WorkerSettings, _ context: ProgramContext, wires: WorkerWires = WorkerWires()
  ) throws(SettingsError) {
    let wires = wires.crashing(CrashSwitch(settings.crash))
    let context = context.switchable([.database, .kafka], by: settings.admin)
    (self.settings, self.context) = (settings, context)
    let key = try Composition.key(settings.coupons)
    schema = try Composition.schema(settings.database)
    pool = try Composition.pool(
      settings.database, settings.databaseConfiguration, deadline: BatchWriter.patience, maxWaiting: 64,
      name: "eda-worker", context)
    let end = Ending()
    self.end = end
    trouble = TroubleLog(context.log)
    worker = LogWorker(
      settings.kafka, KafkaConfiguration(brokers: settings.kafka.brokers, clientID: "eda-worker"),
      tables: wires.tables(
        BatchWriter(
          pool, topic: settings.kafka.topic,
          empty: LogLedger(key: key, partitions: settings.kafka.partitions),
          decides: settings.coupons.edaStrategy == .log, fold: wires.fold)),
      group: wires.group, offsets: OffsetMemory(pool, topic: settings.kafka.topic), context: context,
      onFailure: { reason in end.fail(reason) })
    worker.fault = context.faults?.kafkaHook
    Composition.tell(settings.coupons.strategy, in: context.metrics)
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
    guard isPrepared else { return ServiceReadiness(reasons: ["preparing the tables"]) }
    guard worker.isWriting else { return ServiceReadiness(reasons: ["the database does not answer"]) }
    return ServiceReadiness(reasons: worker.isAssigned ? [] : ["waiting for partitions of the log"])
  }

  package func start() async throws {
    EventLoop.shared.spawn {
      do {
        try await self.prepare()
        if !self.isStopped { try self.worker.start() }
      } catch {
        self.end.fail("\(error)")
      }
    }
  }

  /// Makes the tables as soon as the database answers.
  private func prepare() async throws {
    while !isStopped {
      do {
        try await schema.prepare(
          pool, ranksAreUnique: settings.coupons.edaStrategy.isRanked, deadline: .now + .seconds(10))
        isPrepared = true
        return trouble.over()
      } catch let error as SchemaError {
        throw error
      } catch {
        trouble.note("the database does not answer", "\(error)")
      }
      await EventLoop.shared.sleep(for: .milliseconds(500))
    }
  }

  package func stop(deadline: Instant) async {
    isStopped = true
    await worker.stop(deadline: deadline)
    await pool.close()
  }
}
