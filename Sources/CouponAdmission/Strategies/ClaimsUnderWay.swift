import CouponAPI
import CouponDomain
import CouponStore
import EventLoop

/// The claims that were handed to the producer and not reported yet, and the requests that wait for the reports.
@LoopActor
final class ClaimsUnderWay {
  /// A claim with the key of the set that its slot is in.
  struct Claim {
    let claim: CouponClaim
    let person: PersonPeriod
    let key: String
    fileprivate var callers: [Completion<IssueAnswer>] = []
  }

  private var byTicket: [PublishTicket: Claim] = [:]
  private var tickets: [PersonPeriod: PublishTicket] = [:]
  private var last: UInt64 = 0
  private let clock: LoopClock

  init(clock: LoopClock) { self.clock = clock }

  func begin(_ claim: CouponClaim, _ person: PersonPeriod, _ key: String) -> PublishTicket {
    // Even numbers: the policies' tickets are odd.
    last += 2
    let ticket = PublishTicket(number: last)
    byTicket[ticket] = Claim(claim: claim, person: person, key: key)
    tickets[person] = ticket
    return ticket
  }

  /// What the report comes to; nil where there is none before the deadline.
  func answer(to ticket: PublishTicket, until deadline: Instant) async -> IssueAnswer? {
    guard byTicket[ticket] != nil else { return nil }
    let caller = Completion<IssueAnswer>()
    byTicket[ticket]?.callers.append(caller)
    return try? await caller.value(deadline: deadline, on: clock)
  }

  /// The same for another request of a person who has a claim under way.
  func join(_ person: PersonPeriod, until deadline: Instant) async -> IssueAnswer? {
    guard let ticket = tickets[person] else { return nil }
    return await answer(to: ticket, until: deadline)
  }

  /// The report is here. Nil where the ticket is no claim's.
  func end(_ ticket: PublishTicket, with answer: (CouponClaim) -> IssueAnswer) -> Claim? {
    guard let claim = byTicket.removeValue(forKey: ticket) else { return nil }
    if tickets[claim.person] == ticket { tickets[claim.person] = nil }
    for caller in claim.callers { caller.succeed(answer(claim.claim)) }
    return claim
  }
}
