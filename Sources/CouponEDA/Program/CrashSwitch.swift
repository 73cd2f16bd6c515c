import CouponAPI
import EventLoop
import Foundation
import Kafka

/// Counts how often its point is reached, and ends the process there. Where `CRASH_AT` is set it stands at the seams of
/// the process.
///
///     worker   fold ─▶ worker-before-commit ─▶ tables ─▶ worker-after-commit
///     api      gate ─▶ api-after-gate ─▶ log out … answer ─▶ api-after-publish ─▶ the caller
@LoopActor
final class CrashSwitch {
  private let point: CrashPoint
  private var timesLeft: Int

  init?(_ setting: CrashSetting?) {
    guard let setting else { return nil }
    (point, timesLeft) = (setting.point, setting.time)
  }

  fileprivate func reach(_ reached: CrashPoint) {
    guard reached == point else { return }
    timesLeft -= 1
    if timesLeft == 0 { kill(getpid(), SIGKILL) }
  }
}

extension WorkerWires {
  @LoopActor
  func crashing(_ crash: CrashSwitch?) -> WorkerWires {
    guard let crash else { return self }
    var wires = self
    wires.fold = { batch, ledger, decides in
      let result = fold(batch, ledger, decides)
      if !result.issued.isEmpty { crash.reach(.workerBeforeCommit) }
      return result
    }
    wires.tables = { CrashingTables(tables($0), crash) }
    return wires
  }
}

extension APIWires {
  @LoopActor
  func crashing(_ crash: CrashSwitch?) -> APIWires {
    guard let crash else { return self }
    var wires = self
    wires.outlet = { CrashingOutlet(outlet($0), crash) }
    wires.coupons = { CrashingCoupons(coupons($0), crash) }
    return wires
  }
}

@LoopActor
private final class CrashingTables: BatchTables {
  private let tables: any BatchTables
  private let crash: CrashSwitch

  init(_ tables: any BatchTables, _ crash: CrashSwitch) { (self.tables, self.crash) = (tables, crash) }

  func apply(_ batch: WorkerBatch, _ messages: [KafkaMessage]) async throws -> BatchOutcome {
    let outcome = try await tables.apply(batch, messages)
    if case .applied(let result) = outcome, !result.issued.isEmpty { crash.reach(.workerAfterCommit) }
    return outcome
  }
}

@LoopActor
private final class CrashingOutlet: LogOutlet {
  private let outlet: any LogOutlet
  private let crash: CrashSwitch

  init(_ outlet: any LogOutlet, _ crash: CrashSwitch) { (self.outlet, self.crash) = (outlet, crash) }

  func publish(_ value: [UInt8], at route: LogRoute, ticket: PublishTicket, traceparent: String?) -> Bool {
    if !ticket.isPolicy { crash.reach(.apiAfterGate) }
    return outlet.publish(value, at: route, ticket: ticket, traceparent: traceparent)
  }
}

@LoopActor
private final class CrashingCoupons: CouponsBefore {
  let coupons: any CouponService
  private let crash: CrashSwitch

  init(_ coupons: any CouponService, _ crash: CrashSwitch) { (self.coupons, self.crash) = (coupons, crash) }

  func issue(_ request: IssueRequest) -> Reply<IssueAnswer> {
    switch coupons.issue(request) {
    case .now(let answer): .now(answer)
    case .later(let work):
      .later {
        let answer = await work()
        self.answered(answer)
        return answer
      }
    case .told(let ask):
      .told { tell in
        ask { answer in
          self.answered(answer)
          tell(answer)
        }
      }
    }
  }

  private func answered(_ answer: IssueAnswer) {
    if case .created = answer { crash.reach(.apiAfterPublish) }
  }
}
