import Figures
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import Experiments
import History
import Load
import Operations
import TestSupport
import Testing
import Text
import lab

/// The load against the API in memory, over real sockets.
@Suite(.serialized, .limited) struct LoadTests {
  @Test func everybodyGetsOneAnswerAndTheQuotaIsWon() async throws {
    let (history, opening) = try await onLoop {
      let lab = try await MemoryLab(quota: 100, opensIn: .milliseconds(2_500))
      let run = LoadGenerator(
        lab.plan(people: 1_000, rate: 2_000, early: 0.1), target: lab.address, stays: [1])
      let history = await run.run()
      #expect(run.settled == 1_000)
      #expect(run.won == 100)
      await lab.stop()
      return (history, lab.opening)
    }
    let figures = HistoryFigures(history, quota: 100)
    #expect(figures.people.accepted == 100)
    #expect(figures.people.soldOut == 900)
    #expect(figures.people.failed == 0)
    // Who came too early came again.
    let early = history.requests.filter { $0.call == .coupon && $0.attempt == 0 }
    #expect((60...140).contains(early.count))
    // Who came at the last moment may have found the doors open.
    #expect(early.count { $0.outcome == .notOpen } > early.count / 4)
    #expect(history.coupons.compactMap(\.issuedAt).allSatisfy { $0 >= opening })
    #expect(Set(history.coupons.compactMap(\.rank)) == Set(1...100))
    // Open loop: everything left when it was due.
    #expect(history.requests.allSatisfy { $0.sent >= $0.due })
    #expect(try #require(figures.generator.lateness.quantile(0.5)) < 20_000)
    // Before, during and after.
    let phases = [figures.bystander.before, figures.bystander.during, figures.bystander.after]
    #expect(phases.allSatisfy { $0.latency.count > 0 && $0.failed == 0 })
    #expect(history.requests.contains { $0.call == .booking })
    var kept = history
    kept.generator = GeneratorRecord()
    #expect(try HistoryFile.decode(HistoryFile.encode(history)) == kept)
  }

  @Test func whoIsToldNothingAsksAgain() async throws {
    let history = try await onLoop {
      let lab = try await MemoryLab(quota: 300, opensIn: .seconds(-5))
      var plan = lab.plan(people: 300, rate: 1_000)
      plan.opening = Timestamp(microseconds: SystemClock().now().microseconds + 50_000)
      lab.coupons.trouble = .outcomeUnknown(reason: "a test")
      let run = LoadGenerator(plan, target: lab.address, stays: [])
      let relief = EventLoop.shared.spawn {
        let giveUp = Instant.now + .seconds(30)
        while run.troubled <= 60, Instant.now < giveUp { await EventLoop.shared.sleep(for: .milliseconds(1)) }
        lab.coupons.trouble = nil
      }
      let history = await run.run()
      await relief.value
      await lab.stop()
      return history
    }
    let figures = HistoryFigures(history, quota: 300)
    #expect(figures.people.accepted == 300)
    #expect(figures.people.retried > 50)
    #expect(figures.requests.byOutcome["unknown"] == figures.requests.retries)
    // The servers ask for a second.
    #expect(try #require(figures.waits.winners.maxMs) >= 1_000)
  }

  @Test func aGeneratorThatStoodStillSaysWhen() async throws {
    let history = try await onLoop {
      let lab = try await MemoryLab(quota: 10, opensIn: .milliseconds(300))
      EventLoop.shared.schedule(after: .milliseconds(400)) {
        // The loop's only thread, held: nothing else of this process gets a turn.
        let end = Instant.now + .milliseconds(300)
        while Instant.now < end {}
      }
      let run = LoadGenerator(lab.plan(people: 20, rate: 1_000), target: lab.address, stays: [])
      let history = await run.run()
      await lab.stop()
      return history
    }
    #expect(history.run.stalls.contains { $0.upperBound - $0.lowerBound >= 290_000 })
  }

  @Test(arguments: [4, 64])
  func triesAreBoundedAndASlowServerHoldsNobodyUp(connections: Int) async throws {
    let history = try await onLoop {
      let silent = try Sockets.listen(host: "127.0.0.1", port: 0, reusePort: false, backlog: 64)
      defer { Sockets.close(silent.descriptor) }
      var plan = try await MemoryLab(quota: 1, opensIn: .seconds(-5)).plan(people: 20, rate: 1_000)
      plan.opening = Timestamp(microseconds: SystemClock().now().microseconds + 20_000)
      (plan.options.patience, plan.options.attempts) = (.milliseconds(500), 2)
      plan.options.connections = connections
      let run = LoadGenerator(
        plan, target: SocketAddress(numericHost: "127.0.0.1", port: silent.port), stays: [])
      return await run.run()
    }
    #expect(history.requests.count == 40)
    #expect(HistoryFigures(history, quota: 1).people.failed == 20)
    let firstEnd = try #require(history.requests.map(\.answered).min())
    let first = history.requests.filter { $0.attempt == 1 }
    if connections == 4 {
      // Whoever found no connection was not sent, and the history says so.
      #expect(history.requests.contains { $0.outcome == .timeout })
      #expect(first.filter { $0.outcome == .notSent }.allSatisfy { $0.sent >= firstEnd })
      #expect(history.requests.allSatisfy { $0.outcome == .timeout || $0.outcome == .notSent })
    } else {
      // Everybody's first request left before anybody's was given up: nobody waited for the silent server.
      #expect(first.count == 20 && first.allSatisfy { $0.sent < firstEnd })
      #expect(history.requests.allSatisfy { $0.outcome == .timeout })
    }
  }

  /// A server that takes no connection keeps requests from leaving: that is its doing, not the generator's.
  @Test func aServerThatStandsStillIsNotTheGeneratorsLateness() async throws {
    let history = try await onLoop {
      let silent = try Sockets.listen(host: "127.0.0.1", port: 0, reusePort: false, backlog: 64)
      defer { Sockets.close(silent.descriptor) }
      var plan = try await MemoryLab(quota: 1, opensIn: .seconds(-5)).plan(people: 50, rate: 1_000)
      plan.opening = Timestamp(microseconds: SystemClock().now().microseconds + 20_000)
      (plan.options.patience, plan.options.attempts) = (.milliseconds(500), 2)
      plan.options.connections = 4
      let run = LoadGenerator(
        plan, target: SocketAddress(numericHost: "127.0.0.1", port: silent.port), stays: [1])
      return await run.run()
    }
    let figures = HistoryFigures(history, quota: 1)
    // Most of them found no connection, half a second after they were due.
    let unsent = history.requests.count { $0.call == .coupon && $0.outcome == .notSent }
    #expect(unsent > 50)
    // Nearly all of the half second is the server's. A busy machine may have its share of the rest.
    #expect(figures.generator.lateness.countAbove(microseconds: 400_000) < unsent / 2)
    #expect(figures.generator.unsent == 0 && figures.generator.crowded > 0)
  }

  /// Nobody listens: every request ends at once, and none of them is an answer.
  @Test func aRefusedConnectionIsNoFastAnswer() async throws {
    let history = try await onLoop {
      var plan = try await MemoryLab(quota: 1, opensIn: .seconds(-5)).plan(people: 50, rate: 1_000)
      plan.opening = Timestamp(microseconds: SystemClock().now().microseconds + 200_000)
      (plan.options.attempts, plan.options.bystanderPerSecond) = (1, 200)
      let run = LoadGenerator(
        plan, target: SocketAddress(numericHost: "127.0.0.1", port: try Sockets.freePort()), stays: [1])
      return await run.run()
    }
    let figures = HistoryFigures(history, quota: 1)
    #expect(figures.people.failed == 50 && figures.requests.failed == 50)
    let phases = [figures.bystander.before, figures.bystander.during, figures.bystander.after]
    #expect(phases.allSatisfy { $0.latency.count == 0 })
    #expect(phases.map(\.failed).reduce(0, +) == history.requests.count { $0.call.isBystander })
    #expect(phases.map(\.failed).reduce(0, +) > 0)
  }

  @Test func openingsAreNeverNearMidnight() {
    for hour in 0..<24 {
      let now = Timestamp(microseconds: 1_738_281_600_000_000 + Int64(hour) * 3_600_000_000 + 123)
      let plan = OpeningPlan(after: now, lead: .milliseconds(5_500))
      #expect(plan.opening.microseconds % 1_000_000 == 0)
      #expect((5_500_000...6_500_000).contains(plan.opening.microseconds - now.microseconds))
      #expect((3_600...82_800).contains(Int(plan.opensAt.seconds)))
    }
  }
}
