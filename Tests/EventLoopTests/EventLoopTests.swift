import EventLoop
import TestSupport
import Testing

@Suite(.limited) struct EventLoopTests {
  @Test func tasksStayOnTheLoop() async throws {
    let stayed = try await onLoop {
      var seen: [Bool] = [EventLoop.shared.isCurrent]
      await Task.yield()
      seen.append(EventLoop.shared.isCurrent)
      await EventLoop.shared.sleep(for: .milliseconds(2))
      seen.append(EventLoop.shared.isCurrent)
      let done = Completion<Bool>()
      EventLoop.shared.spawn {
        await Task.yield()
        done.succeed(EventLoop.shared.isCurrent)
      }
      seen.append(try await done.value())
      return seen
    }
    #expect(stayed == [true, true, true, true])
  }

  @Test func aLongTurnIsCounted() async throws {
    try await onLoop {
      let before = EventLoop.shared.turns
      let end = Instant.now + .milliseconds(30)
      while Instant.now < end {}
      await EventLoop.shared.sleep(for: .milliseconds(1))
      let after = EventLoop.shared.turns
      #expect(after.long > before.long)
      #expect(after.longestMilliseconds >= 29)
    }
  }

  @Test func theTimeStandsStillDuringATurn() async throws {
    try await onLoop {
      let time = EventLoop.shared.turnTime
      let end = Instant.now + .milliseconds(2)
      while Instant.now < end {}
      #expect(EventLoop.shared.turnTime == time)
      EventLoop.shared.rereadTime()
      #expect(EventLoop.shared.turnTime > time)
      let next = EventLoop.shared.turnTime
      await EventLoop.shared.sleep(for: .milliseconds(1))
      #expect(EventLoop.shared.turnTime > next)
    }
  }

  @Test func submittedWorkArrivesInOrder() async throws {
    let done = try await onLoop { () -> [Int] in
      let box = Box()
      let finished = Completion<Void>()
      Task.detached {
        for number in 0..<1000 { EventLoop.shared.submit { box.numbers.append(number) } }
        EventLoop.shared.submit { finished.succeed(()) }
      }
      try await finished.value()
      return box.numbers
    }
    #expect(done == Array(0..<1000))
  }

  @Test func timersFireInOrderAndCancelledOnesDoNot() async throws {
    let order = try await onLoop { () -> [Int] in
      let box = Box()
      let loop = EventLoop.shared
      loop.schedule(after: .milliseconds(6)) { box.numbers.append(3) }
      loop.schedule(after: .milliseconds(2)) { box.numbers.append(1) }
      let cancelled = loop.schedule(after: .milliseconds(3)) { box.numbers.append(99) }
      loop.schedule(after: .milliseconds(4)) { box.numbers.append(2) }
      cancelled.cancel()
      await loop.sleep(for: .milliseconds(8))
      return box.numbers
    }
    #expect(order == [1, 2, 3])
  }

  @Test func manyCancelledTimersDoNotPileUp() async throws {
    let early = try await onLoop { () -> Bool in
      let loop = EventLoop.shared
      let start = Instant.now
      for _ in 0..<50_000 { loop.schedule(after: .seconds(600)) {}.cancel() }
      await loop.sleep(for: .milliseconds(1))
      return Instant.now - start < .milliseconds(1)
    }
    #expect(!early)
  }

  @Test func aTimerThatIsDueAlreadyWakesWhoeverSleeps() async throws {
    try await onLoop {
      let loop = EventLoop.shared
      let began = Instant.now
      for _ in 0..<100 { await loop.sleep(until: .now) }
      // Without a timer of its own the loop would sleep until something else happens.
      #expect(Instant.now - began < .seconds(10))
    }
  }

  @Test func aTimerIsNeverEarly() async throws {
    try await onLoop {
      for wait in [1, 2, 5, 7] {
        let start = Instant.now
        await EventLoop.shared.sleep(for: .milliseconds(wait))
        #expect(Instant.now - start >= .milliseconds(wait))
      }
    }
  }

  @Test func aDeadlineEndsTheWaitAndLateValuesAreIgnored() async throws {
    try await onLoop {
      let answer = Completion<Int>()
      await #expect(throws: DeadlineExceeded.self) {
        _ = try await answer.value(deadline: .now + .milliseconds(3))
      }
      #expect(!answer.succeed(1))
      let quick = Completion<Int>()
      quick.succeed(7)
      let seven = try await quick.value(deadline: .now + .seconds(1))
      #expect(seven == 7)
    }
  }

  @Test func theTurnsEndComesAfterItsJobs() async throws {
    let order = try await onLoop { () -> [Int] in
      let box = Box()
      let loop = EventLoop.shared
      loop.atTurnEnd { box.numbers.append(2) }
      loop.spawn { box.numbers.append(0) }
      loop.spawn { box.numbers.append(1) }
      await loop.sleep(for: .milliseconds(1))
      return box.numbers
    }
    #expect(order == [0, 1, 2])
  }

  @Test func whatIsPutOffComesAfterALookAtDescriptors() async throws {
    let order = try await onLoop { () -> [Int] in
      let box = Box()
      let done = Completion<Void>()
      let wakeup = try Wakeup { box.numbers.append(1) }
      WakeupWriter.write(to: wakeup.descriptor)
      EventLoop.shared.atNextTurn {
        box.numbers.append(2)
        // Again: not in this turn.
        WakeupWriter.write(to: wakeup.descriptor)
        EventLoop.shared.atNextTurn {
          box.numbers.append(3)
          done.succeed(())
        }
      }
      try await done.value()
      wakeup.close()
      return box.numbers
    }
    #expect(order == [1, 2, 1, 3])
  }

  @Test func aWakeupFromAnotherThreadIsSeen() async throws {
    try await onLoop {
      let woken = Completion<Void>()
      let wakeup = try Wakeup { woken.succeed(()) }
      let descriptor = wakeup.descriptor
      Task.detached { WakeupWriter.write(to: descriptor) }
      try await woken.value(deadline: .now + .seconds(5))
      wakeup.close()
    }
  }

  @Test func aSocketConnectsAndARefusalShows() async throws {
    try await onLoop {
      let (listener, port) = try Sockets.listen(host: "127.0.0.1", port: 0)
      let loopback = try await EventLoop.shared.resolve(
        host: "localhost", port: port, deadline: .now + .seconds(30))
      #expect(loopback.contains(SocketAddress(numericHost: "127.0.0.1", port: port)))
      let connected = try await connects(port)
      #expect(connected == 0)
      let accepted = try Sockets.accept(listener)
      #expect(accepted != nil)
      Sockets.close(listener)
      let refused = try await connects(port)
      #expect(refused != 0)
    }
  }

  @Test func aChildsOutputAndEndAreSeen() async throws {
    try await onLoop {
      let (status, output) = try await ChildProcess.run(
        .init(
          "sh", ["-c", "echo out; echo err >&2; exit 3"], environment: ["PATH": "/usr/bin:/bin"],
          output: .capture(limit: 100)))
      #expect(status == .code(3))
      #expect(String(decoding: output, as: UTF8.self) == "out\nerr\n")
      let sleeper = try ChildProcess.start(.init("/bin/sleep", ["100"], output: .null))
      sleeper.signal(9)
      #expect(await sleeper.exit() == .signal(9))
      #expect(throws: SpawnError.self) { try ChildProcess.start(.init("/nowhere/at/all")) }
    }
  }

  @Test func captureIsBounded() async throws {
    try await onLoop {
      let (_, output) = try await ChildProcess.run(
        .init(
          "sh", ["-c", "head -c 300000 /dev/zero"], environment: ["PATH": "/usr/bin:/bin"],
          output: .capture(limit: 1000)))
      #expect(output.count == 1000)
    }
  }

  @Test func aDequeKeepsItsOrderWhileItGrows() {
    var queue = Deque<Int>()
    var next = 0
    for number in 0..<1000 {
      queue.append(number)
      if number % 3 == 0 {
        #expect(queue.popFirst() == next)
        next += 1
      }
    }
    #expect(queue.count == 1000 - next)
    #expect(queue[0] == next)
    while let number = queue.popFirst() {
      #expect(number == next)
      next += 1
    }
    #expect(next == 1000)
  }
}

@LoopActor private final class Box {
  var numbers: [Int] = []
}

/// Connects to a port of the loopback; returns the socket's error, 0 for none.
@LoopActor private func connects(_ port: Int) async throws -> Int32 {
  let socket = try Sockets.connect(to: SocketAddress(numericHost: "127.0.0.1", port: port))
  let ready = Completion<Void>()
  let watch = DescriptorWatch(socket) { _ in ready.succeed(()) }
  watch.watch(.writable)
  try await ready.value(deadline: .now + .seconds(5))
  watch.stop()
  defer { Sockets.close(socket) }
  return Sockets.pendingError(socket)
}
