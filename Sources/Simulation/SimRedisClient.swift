import CouponAdmission
import EventLoop
import Redis

/// One process' way to Redis: requests and answers that get lost, overtake each other, or are applied after everybody
/// has given up.
@LoopActor
final class SimRedisClient: RedisCalls {
  private enum Fate { case answered, requestLost, answerLost, appliedLate }
  private typealias Outcome = Result<[RedisReply], RedisError>

  private unowned let api: SimAPI
  private unowned let world: World
  private let life: Life
  private var pending: [Int: @LoopActor (Outcome) -> Void] = [:]
  private var calls = 0
  let connects = 1

  init(_ api: SimAPI, _ life: Life, _ world: World) {
    (self.api, self.life, self.world) = (api, life, world)
    life.whenEnded { [weak self] in self?.failAll() }
  }

  var isConnected: Bool {
    life.isAlive && world.redis.health != .down && world.mutant != .noReconciliation
  }
  func start() {}
  func close() {}

  func transaction(
    deadline: Instant, write: (inout RedisWriter) -> Void, completion: @escaping RedisClient.Handler
  ) {
    let commands = RedisWriter.commands(write)
    guard !world.dice.chance(world.weather.aborted) else {
      return completion(.failure(.aborted("no memory")))
    }
    send(commands, deadline) { outcome in
      if case .success(let replies) = outcome { self.api.gateAnswered(commands, replies) }
      completion(self.world.mutated(gate: outcome, self.life))
    }
  }

  func command(
    deadline: Instant, write: (inout RedisWriter) -> Void, completion: @escaping RedisClient.Handler
  ) {
    let commands = RedisWriter.commands(write)
    if world.mutant == .removalForgotten, commands[0][0] == "SREM" {
      return completion(.success([.integer(1)]))
    }
    send(commands, deadline, completion)
  }

  func commands(_ commands: [[String]], deadline: Instant) async throws -> [RedisReply] {
    if let replies = world.mutated(commands) { return replies }
    var replies: [RedisReply] = []
    for command in commands {
      let answer = Completion<[RedisReply]>()
      send([command], deadline) { answer.resolve($0) }
      replies += try await answer.value()
    }
    return replies
  }

  private func send(_ commands: [[String]], _ deadline: Instant, _ completion: @escaping RedisClient.Handler)
  {
    guard life.isAlive, world.redis.health != .down, life.now < deadline else {
      return completion(.failure(.unavailable("no connection")))
    }
    calls += 1
    let call = calls
    pending[call] = { completion($0) }
    // A process that stops here sends it when it goes on.
    life.run { self.travel(commands, world: self.world, call, until: self.world.milliseconds(of: deadline)) }
  }

  private func travel(_ commands: [[String]], world: World, _ call: Int, until deadline: Int) {
    let redis = world.redis
    let fate = fate()
    let apply: @LoopActor () -> [RedisReply] = {
      let replies = commands.map { redis.execute($0) }
      if world.now > deadline, commands.count == 2, replies[1].integer == 1 { world.race(.r2) }
      return replies
    }
    switch fate {
    case .requestLost: break
    case .appliedLate:
      let late = max(1, deadline - world.now) + world.dice.within(1...2_000)
      world.schedule.after(late) { redis.receive { _ = apply() } }
    case .answered, .answerLost:
      world.schedule.after(world.dice.within(1...8)) {
        redis.receive {
          let replies = apply()
          if fate == .answerLost, commands[0][0] == "SREM" { self.api.removalWasLost(commands[0][2]) }
          guard fate == .answered else { return }
          self.life.later(world.dice.within(1...8)) { self.finish(call, self.result(replies)) }
        }
      }
    }
    world.schedule.at(deadline) {
      self.life.run { self.finish(call, .failure(.outcomeUnknown("no answer before the deadline"))) }
    }
  }

  private func result(_ replies: [RedisReply]) -> Outcome {
    for reply in replies { if let message = reply.errorMessage { return .failure(.server(message)) } }
    return .success(replies)
  }

  private func finish(_ call: Int, _ outcome: Outcome) {
    guard pending[call] != nil else { return }
    // It may die before it has understood the answer.
    api.passCrashPoint(oneIn: 3)
    guard life.isAlive else { return }
    life.run { self.pending.removeValue(forKey: call)?(outcome) }
  }

  private func failAll() {
    let all = pending.sorted { $0.key < $1.key }
    pending = [:]
    for (_, finish) in all { finish(.failure(.unavailable("the process has ended"))) }
  }

  private func fate() -> Fate {
    let weather = world.weather
    if world.dice.chance(weather.requestLost) { return .requestLost }
    if world.dice.chance(weather.answerLost) { return .answerLost }
    return world.dice.chance(weather.appliedLate) ? .appliedLate : .answered
  }
}
