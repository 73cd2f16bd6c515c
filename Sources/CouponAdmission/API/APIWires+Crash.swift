import CouponAPI
import EventLoop
import Faults

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
private final class CrashingOutlet: LogOutlet {
  private let outlet: any LogOutlet
  private let crash: CrashSwitch

  init(_ outlet: any LogOutlet, _ crash: CrashSwitch) { (self.outlet, self.crash) = (outlet, crash) }

  func publish(_ value: [UInt8], at route: LogRoute, ticket: PublishTicket, traceparent: String?) -> Bool {
    if !ticket.isPolicy { crash.reach(.apiAfterGate) }
    return outlet.publish(value, at: route, ticket: ticket, traceparent: traceparent)
  }

  func flush() { outlet.flush() }
}

@LoopActor
private final class CrashingCoupons: CouponsBefore {
  let coupons: any CouponService
  private let crash: CrashSwitch

  init(_ coupons: any CouponService, _ crash: CrashSwitch) { (self.coupons, self.crash) = (coupons, crash) }

  func issue(_ request: IssueRequest, for caller: IssueCaller) -> Reply<IssueAnswer>? {
    let observed = IssueCaller { answer in
      self.answered(answer)
      caller.tell(answer)
    }
    return switch coupons.issue(request, for: observed) {
    case .now(let answer): .now(answer)
    case .later(let work):
      .later {
        let answer = await work()
        self.answered(answer)
        return answer
      }
    case nil: nil
    }
  }

  private func answered(_ answer: IssueAnswer) {
    if case .created = answer { crash.reach(.apiAfterPublish) }
  }
}
