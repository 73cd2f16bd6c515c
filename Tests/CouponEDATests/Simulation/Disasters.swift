/// What strikes a schedule at random moments: crashes, stops, wipes and outages, each of which ends again.
struct Disasters {
  private let world: World
  init(_ world: World) { self.world = world }

  func sow(_ count: Int, until end: Int) {
    for _ in 0..<count {
      let time = world.dice.within(0...(end - 500))
      let length = world.dice.pick([50, 400, 2_500, 6_000])
      let strike = pick()
      world.schedule.at(time) { if !world.isHealed { strike(length) } }
    }
  }

  private func pick() -> (Int) -> Void {
    switch world.dice.below(9) {
    case 0: crashAPI
    case 1: stopAPI
    case 2: wipeRedis
    case 3: stopRedis
    case 4: killRedis
    case 5: cutKafka
    case 6: crashWorker
    case 7: stopWorker
    default: cutDatabase
    }
  }

  /// Does something later, unless the schedule has healed by then.
  private func after(_ length: Int, _ action: @escaping () -> Void) {
    world.after(length) { if !world.isHealed { action() } }
  }

  private func crashAPI(_ length: Int) {
    let api = world.dice.pick(world.apis)
    api.crash()
    after(length) { api.start() }
  }

  private func stopAPI(_ length: Int) {
    let api = world.dice.pick(world.apis)
    api.stop()
    after(length) { api.goOn() }
  }

  private func wipeRedis(_: Int) { if world.redis.wipe() { world.race(.r8) } }

  private func stopRedis(_ length: Int) {
    world.redis.stop()
    after(length) { world.redis.goOn() }
  }

  private func killRedis(_ length: Int) {
    world.redis.kill()
    let lost = world.dice.chance(50) ? world.redis.wipe() : world.redis.loseTail(world.dice.within(0...4))
    if lost { world.race(.r8) }
    after(length) { world.redis.goOn() }
  }

  private func cutKafka(_ length: Int) {
    world.kafka.isDown = true
    after(length) {
      world.kafka.isDown = false
      for partition in 0..<SimKafka.partitions {
        for api in world.apis { api.wake(partition) }
        for worker in world.workers { worker.wake(partition) }
      }
    }
  }

  private func crashWorker(_ length: Int) {
    world.workers[0].crash()
    after(length) { world.workers[0].start() }
  }

  /// The group gives the partitions to the other worker; the stopped one comes back as a zombie.
  private func stopWorker(_ length: Int) {
    world.workers[0].stop()
    world.workers[1].start()
    after(length) {
      world.workers[0].goOn()
      after(world.dice.within(1...800)) { world.workers[1].crash() }
    }
  }

  private func cutDatabase(_ length: Int) {
    world.database.isDown = true
    world.database.abortAll()
    after(length) { world.database.isDown = false }
  }
}
