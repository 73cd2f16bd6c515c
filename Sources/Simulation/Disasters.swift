import EventLoop

/// What strikes a schedule: crashes, stops, wipes and outages, each of which ends again.
@LoopActor
struct Disasters {
  private let world: World
  init(_ world: World) { self.world = world }

  func sow() {
    for disaster in world.plan.disasters {
      world.schedule.at(disaster.at) {
        guard !world.isHealed else { return }
        world.tell("\(disaster.kind) for \(disaster.length) ms")
        strike(disaster)
      }
    }
  }

  /// Does something later, unless the schedule has healed by then.
  private func after(_ length: Int, _ action: @escaping @LoopActor () -> Void) {
    world.schedule.after(length) { if !world.isHealed { action() } }
  }

  private func strike(_ disaster: Disaster) {
    let (length, choice) = (disaster.length, disaster.choice)
    let api = world.apis[choice % world.apis.count]
    switch disaster.kind {
    case .crashAPI:
      api.crash()
      after(length) { api.start() }
    case .stopAPI:
      api.stop()
      after(length) { api.goOn() }
    case .wipeRedis: if world.redis.wipe() { world.race(.r8) }
    case .stopRedis:
      world.redis.stop()
      after(length) { world.redis.goOn() }
    case .killRedis:
      world.redis.kill()
      if choice % 2 == 0 ? world.redis.wipe() : world.redis.loseTail(choice % 5) { world.race(.r8) }
      after(length) { world.redis.goOn() }
    case .cutKafka:
      world.kafka.isDown = true
      after(length) {
        world.kafka.isDown = false
        world.wakeAll()
      }
    case .crashWorker:
      world.workers[0].crash()
      after(length) { world.workers[0].start() }
    case .stopWorker:
      // The group gives the partitions to the other worker; the stopped one comes back as a zombie.
      world.workers[0].stop()
      world.workers[1].start()
      after(length) {
        world.workers[0].goOn()
        after(50 + choice * 40) { world.workers[1].crash() }
      }
    case .cutDatabase:
      world.database.isDown = true
      world.database.restart()
      after(length) { world.database.isDown = false }
    case .databaseBack:
      world.database.isDown = true
      after(length) {
        if world.database.goBack(to: choice) { world.race(.databaseBack) }
        world.database.isDown = false
      }
    }
  }
}
