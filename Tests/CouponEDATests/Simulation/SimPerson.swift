import CouponAdmission
import CouponAPI
import CouponDomain
import Text

/// One call to one API process, as both ends see it.
final class SimRequest {
  let caller: CallerID
  let person: SimPerson
  let sentAt: Int
  var deadline: Int { sentAt + World.deadline }
  /// Fixed when the API admitted it.
  var day: Day?
  var eventID: EventID?
  /// What the server said, if it said anything.
  var answer: IssueAnswer?
  /// Whether the person has heard, or has given up.
  private(set) var isOver = false
  // What the races are told by.
  var tookSlot = false
  var wasMember = false
  var isPublished = false

  init(_ person: SimPerson, caller: CallerID, sentAt: Int) {
    (self.person, self.caller, self.sentAt) = (person, caller, sentAt)
  }

  /// The person hears an answer, or nothing (nil).
  func end(_ answer: IssueAnswer?) {
    guard !isOver else { return }
    isOver = true
    person.heard(answer, self)
  }
}

/// Somebody who wants a coupon, comes again when nobody knows, and may lose patience.
final class SimPerson {
  let id: UserID
  let policyID: PolicyID
  private unowned let world: World
  private(set) var isGone = false
  private(set) var isSatisfied = false
  private var isInLastRound = false
  private var isAsking = false
  /// Coupons heard of, with the day they are of.
  private(set) var coupons: [Coupon] = []
  var hadFailedDelivery = false
  var hadLostRemoval = false

  init(_ name: String, policy: PolicyID, _ world: World) {
    guard let id = UserID(name) else { preconditionFailure("a bad name") }
    (self.id, policyID, self.world) = (id, policy, world)
  }

  func ask() {
    guard !isGone, !isAsking else { return }
    isAsking = true
    let request = SimRequest(self, caller: UInt64(world.requests.count), sentAt: world.now)
    world.keep(request)
    let api = world.dice.pick(world.apis)
    api.receive(request)
    world.after(World.deadline + 500) { request.end(nil) }
    // An impatient second request of the same person, beside the first.
    if !isInLastRound, world.dice.chance(15) { world.after(world.dice.within(1...60)) { self.askBeside() } }
  }

  private func askBeside() {
    guard !isGone else { return }
    let request = SimRequest(self, caller: UInt64(world.requests.count), sentAt: world.now)
    world.keep(request)
    world.dice.pick(world.apis).receive(request)
    world.after(World.deadline + 500) { request.end(nil) }
  }

  func beginLastRound() {
    guard !isGone else { return }
    isInLastRound = true
    isSatisfied = false
    ask()
  }

  func heard(_ answer: IssueAnswer?, _ request: SimRequest) {
    isAsking = false
    world.checker.heard(answer, request)
    switch answer {
    case .created(let coupon), .existing(let coupon):
      coupons.append(coupon)
      settle(again: 25)
    case .soldOut: settle(again: 10)
    case .notOpen(let next):
      if let next {
        world.schedule.at(world.milliseconds(of: next) + world.dice.within(0...50)) { self.ask() }
      } else {
        isSatisfied = true
      }
    case .noSuchPolicy, .trouble, nil: retry()
    }
  }

  private func settle(again percent: Int) {
    isSatisfied = true
    guard !isInLastRound else { return }
    if world.dice.chance(percent) { world.after(world.dice.within(1...3_000)) { self.ask() } }
    if world.now < world.midnight, world.midnight < 1_000_000, world.dice.chance(70) {
      world.schedule.at(world.midnight + world.dice.within(0...1_500)) { self.ask() }
    }
  }

  private func retry() {
    if !isInLastRound, world.dice.chance(20) {
      isGone = true
      return
    }
    world.after(world.dice.within(20...1_500)) { self.ask() }
  }
}
