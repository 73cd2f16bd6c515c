import CouponAdmission
import CouponDomain

/// One process' way to Redis: requests and answers that get lost, or are applied after everybody has given up.
struct SimGate {
  private enum Fate { case answered, requestLost, answerLost, appliedLate }

  private let api: SimAPI
  private let key: SetKey
  private let deadline: Int
  private var world: World { api.world }
  private var redis: SimRedis { api.world.redis }

  init(_ api: SimAPI, _ key: SetKey, deadline: Int) {
    (self.api, self.key, self.deadline) = (api, key, deadline)
  }

  func ask(
    for user: UserID, quota: Int, _ done: @escaping (GateReply, _ wasAdded: Bool, _ count: Int) -> Void
  ) {
    let (redis, key, world, deadline) = (redis, key, world, deadline)
    var wasAdded = false
    call {
      let count = redis.count(key)
      wasAdded = redis.add(user, key)
      if wasAdded, world.now > deadline { world.race(.r2) }
      return (count, wasAdded)
    } done: { (outcome: Outcome<(Int, Bool)>) in
      switch outcome {
      case .answer((let count, let added)):
        done(GateReply(added: added, countBefore: count, quota: quota), added, count)
      case .unknown: done(.unknown, wasAdded, 0)
      case .notSent: done(.notAsked, false, 0)
      }
    }
  }

  func remove(_ user: UserID) {
    let (redis, key, world, deadline) = (redis, key, world, deadline)
    call {
      redis.remove(user, key)
    } done: { (outcome: Outcome<Void>) in
      if case .unknown = outcome, world.now >= deadline {
        for person in world.people where person.id == user { person.hadLostRemoval = true }
      }
    }
  }

  func add(_ users: [UserID]) {
    let (redis, key) = (redis, key)
    call {
      for user in users { _ = redis.add(user, key) }
    } done: { (_: Outcome<Void>) in
    }
  }

  func count(_ done: @escaping (Int) -> Void) {
    let (redis, key) = (redis, key)
    call {
      redis.count(key)
    } done: { (outcome: Outcome<Int>) in
      if case .answer(let count) = outcome { done(count) }
    }
  }

  func members(_ done: @escaping ([UserID]) -> Void) {
    let (redis, key) = (redis, key)
    call {
      redis.members(key)
    } done: { (outcome: Outcome<[UserID]>) in
      if case .answer(let members) = outcome { done(members) }
    }
  }

  private enum Outcome<Value> { case answer(Value), unknown, notSent }

  private func call<Value>(_ apply: @escaping () -> Value, done: @escaping (Outcome<Value>) -> Void) {
    let (api, world, life, redis) = (api, world, api.life, redis)
    guard redis.health != .down else {
      return world.after(1) { api.inside(life) { done(.notSent) } }
    }
    var isDone = false
    func finish(_ outcome: Outcome<Value>) {
      api.inside(life) {
        guard !isDone else { return }
        isDone = true
        done(outcome)
      }
    }
    let fate = fate()
    let travel = world.dice.within(1...8)
    switch fate {
    case .requestLost: break
    case .appliedLate:
      let late = max(1, deadline - world.now) + world.dice.within(1...2_000)
      world.after(late) { redis.receive { _ = apply() } }
    case .answered, .answerLost:
      world.after(travel) {
        redis.receive {
          let value = apply()
          guard fate == .answered else { return }
          world.after(world.dice.within(1...8)) { finish(.answer(value)) }
        }
      }
    }
    world.schedule.at(deadline) { finish(.unknown) }
  }

  private func fate() -> Fate {
    let weather = world.weather
    if world.dice.chance(weather.requestLost) { return .requestLost }
    if world.dice.chance(weather.answerLost) { return .answerLost }
    return world.dice.chance(weather.appliedLate) ? .appliedLate : .answered
  }
}
