import CouponAPI
import CouponDomain
import EventLoop
import Text

/// One call to one API process, as both ends see it.
@LoopActor
final class SimRequest {
  let number: Int
  let person: SimPerson
  let sentAt: Int
  var deadline: Int { sentAt + World.deadline }
  /// Fixed when the API took it.
  private(set) var day: Day?
  /// When the API took it, so that no two requests have the same: by it a claim is known to be this request's.
  private(set) var time = Timestamp(microseconds: 0)
  /// What the server said, if it said anything.
  var answer: IssueAnswer?
  /// Whether the person has heard, or has given up.
  private(set) var isOver = false
  // What the races are told by.
  var tookSlot = false
  var wasMember = false
  var isPublished = false

  init(_ person: SimPerson, number: Int, sentAt: Int) {
    (self.person, self.number, self.sentAt) = (person, number, sentAt)
  }

  func admittedAt(_ wall: Timestamp, day: Day) {
    time = Timestamp(microseconds: wall.microseconds + Int64(number % 1_000))
    self.day = day
  }

  /// The person hears an answer, or nothing (nil).
  func end(_ answer: IssueAnswer?) {
    guard !isOver else { return }
    isOver = true
    person.heard(answer, self)
  }
}

/// Somebody who wants a coupon, comes again when nobody knows, and may lose patience.
@LoopActor
final class SimPerson {
  let id: UserID
  let policyID: PolicyID
  private unowned let world: World
  private(set) var isGone = false
  private var isSatisfied = false
  private var isInLastRound = false
  /// Whether nothing more is to come of them: an answer from before the last round does not count.
  var isDone: Bool { isGone || isInLastRound && isSatisfied }
  private var isAsking = false
  var hadFailedDelivery = false
  var hadLostRemoval = false

  init(_ name: String, policy: PolicyID, _ world: World) {
    guard let id = UserID(name) else { preconditionFailure("a bad name") }
    (self.id, policyID, self.world) = (id, policy, world)
  }

  func ask() {
    guard !isGone, !isAsking else { return }
    isAsking = true
    send()
    // An impatient second request of the same person, beside the first.
    guard !isInLastRound, world.dice.chance(15) else { return }
    world.schedule.after(world.dice.within(1...60)) { if !self.isGone { self.send() } }
  }

  private func send() {
    let request = SimRequest(self, number: world.requests.count, sentAt: world.now)
    world.keep(request)
    let api = world.dice.pick(world.apis)
    world.tell("\(id) asks \(api.name)")
    api.receive(request)
    world.schedule.after(World.deadline + 500) { request.end(nil) }
  }

  func beginLastRound() {
    guard !isGone else { return }
    isInLastRound = true
    isSatisfied = false
    ask()
  }

  func heard(_ answer: IssueAnswer?, _ request: SimRequest) {
    isAsking = false
    switch answer {
    case .created, .existing: settle(again: 25)
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
    if world.dice.chance(percent) { world.schedule.after(world.dice.within(1...3_000)) { self.ask() } }
    if let midnight = world.plan.midnight, world.now < midnight, world.dice.chance(70) {
      world.schedule.at(midnight + world.dice.within(0...1_500)) { self.ask() }
    }
  }

  private func retry() {
    if !isInLastRound, world.dice.chance(20) {
      isGone = true
      return
    }
    world.schedule.after(world.dice.within(20...1_500)) { self.ask() }
  }
}
