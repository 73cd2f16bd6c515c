import CouponDomain

/// What is to strike a schedule, and when.
struct Disaster: Hashable, Sendable {
  enum Kind: CaseIterable, Sendable {
    case crashAPI, stopAPI, wipeRedis, stopRedis, killRedis, cutKafka, crashWorker, stopWorker, cutDatabase,
      databaseBack
  }

  var kind: Kind
  var at: Int
  var length: Int
  /// Which process, how much, …
  var choice: Int
}

/// A schedule before it is played: drawn from a seed, and made smaller where a failure is looked into.
package struct Plan: Sendable {
  struct NewPolicy: Hashable, Sendable {
    var quota: Int
    var perPerson: PerPerson
    var createdAt: Int
  }

  struct Visitor: Hashable, Sendable {
    var name: String
    var policy: Int
    var comesAt: Int
  }

  package let seed: UInt64
  /// Of what is drawn while it is played: what each message and each call meets.
  var fates: UInt64
  var weather: Weather
  var apis: Int
  var policies: [NewPolicy]
  var visitors: [Visitor]
  var disasters: [Disaster]
  /// When the day changes; nil where it does not.
  var midnight: Int?
  /// How long after the beginning, and after midnight, the day opens.
  var opensAfter: Int
  var healsAt: Int

  package init(seed: UInt64, climate: Climate? = nil) {
    var dice = Dice(seed: seed)
    self.seed = seed
    fates = dice.word()
    weather = Weather.draw(&dice)
    healsAt = dice.within(5_000...12_000)
    midnight = dice.chance(40) ? dice.within(800...(healsAt - 500)) : nil
    opensAfter = dice.pick([0, 0, 0, 1_000])
    apis = dice.within(1...3)
    policies = (0..<dice.pick([1, 1, 2])).map { number in
      NewPolicy(
        quota: dice.within(1...5), perPerson: dice.chance(50) ? .once : .daily,
        createdAt: number == 0 ? 0 : dice.within(1...2_000))
    }
    let (count, span) = (policies.count, dice.pick([300, 3_000]))
    visitors = (0..<dice.within(3...14)).map {
      Visitor(name: "p\($0)", policy: dice.below(count), comesAt: dice.within(0...span))
    }
    let end = healsAt
    disasters = (0..<dice.pick([0, 1, 2, 4, 8])).map { _ in
      Disaster(
        kind: dice.pick(Disaster.Kind.allCases), at: dice.within(0...(end - 500)),
        length: dice.pick([50, 400, 2_500, 6_000]), choice: dice.within(0...20))
    }
    climate?.change(&self, &dice)
  }

  /// How much there is in it.
  var size: Int {
    let storms = Weather.storms.filter { weather[keyPath: $0] > 0 }.count
    return visitors.count + disasters.count + policies.count + apis + storms + (midnight == nil ? 0 : 1)
  }

  /// Every plan with one thing less.
  var smaller: [Plan] {
    var plans: [Plan] = []
    func add(_ change: (inout Plan) -> Void) {
      var plan = self
      change(&plan)
      plans.append(plan)
    }
    if disasters.count > 1 { add { $0.disasters = [] } }
    for index in disasters.indices { add { $0.disasters.remove(at: index) } }
    if visitors.count > 3 {
      add { $0.visitors.removeFirst(visitors.count / 2) }
      add { $0.visitors.removeLast(visitors.count / 2) }
    }
    for storm in Weather.storms where weather[keyPath: storm] > 0 { add { $0.weather[keyPath: storm] = 0 } }
    if policies.count > 1 {
      add { plan in
        plan.policies.removeLast()
        plan.visitors = plan.visitors.map { Visitor(name: $0.name, policy: 0, comesAt: $0.comesAt) }
      }
    }
    if apis > 1 { add { $0.apis -= 1 } }
    if midnight != nil { add { $0.midnight = nil } }
    for index in visitors.indices { add { $0.visitors.remove(at: index) } }
    return plans
  }
}
