import TestSupport
import EventLoop
import Foundation
import Faults
import PrivateServers
import Testing
import lab
import Laboratory
import History

/// `lab fault` as a person uses it, on real servers and programs.
@Suite(.serialized, .limited) struct FaultCommandTests {
  @Test(arguments: [
    (["fault"], "name a part and an action"),
    (["fault", "disk", "stop", "--for", "1s"], "unknown part “disk”"),
    (["fault", "database"], "database needs an action"),
    (["fault", "database", "burn", "--for", "1s"], "database has no fault “burn”"),
    (["fault", "database", "stop"], "--for is missing"),
    (["fault", "database", "outage"], "--for is missing"),
    (["fault", "database", "outage", "--for", "2h"], "--for must be a time"),
    (["fault", "database", "outage", "--for", "61m"], "--for must be a time"),
    (["fault", "database", "outage", "--for", "0s"], "--for must be a time"),
    (["fault", "database", "latency", "--for", "1s"], "--ms is required with latency"),
    (["fault", "database", "latency", "--for", "1s", "--ms", "60001"], "--ms must be a number in"),
    (["fault", "database", "flaky", "--for", "1s", "--rate", "2"], "--rate must be a number in"),
    (["fault", "database", "outage", "--for", "1s", "--rate", "0.5"], "--rate goes with flaky alone"),
    (["fault", "worker", "kill", "--ms", "5"], "--ms goes with latency"),
    (
      ["fault", "worker", "kill", "--for", "10s"],
      "--for goes with stop and with switches, not with worker kill"
    ),
    (["fault", "redis", "flush", "--for", "10s"], "--for goes with stop"),
    (["fault", "database", "stop", "--for", "1s", "--only", "eda"], "--only goes with switches"),
    (["fault", "database", "outage", "--for", "1s", "--count", "3"], "--count goes with poison"),
    (["fault", "log", "poison", "--share", "0.5"], "--share goes with duplicates"),
    (["fault", "log", "duplicates", "--count", "3"], "--count goes with poison"),
    (["fault", "heal", "--only", "eda"], "--only goes with switches, not with heal"),
    (["fault", "log", "burn"], "the log takes poison and duplicates"),
    (["fault", "database", "kill", "now"], "unexpected argument"),
  ])
  func whatIsNotUnderstoodIsSaid(arguments: [String], words: String) async throws {
    try await onLoop {
      let said = try await LabProcess().run(arguments: arguments)
      #expect(said.code == 2)
      #expect(said.text.contains(words), "\(said.text)")
    }
  }

  @Test(arguments: [["fault", "status"], ["fault", "heal"], ["fault", "database", "kill"]])
  func withoutALaboratoryThereIsNothingToBreak(arguments: [String]) async throws {
    try await onLoop {
      let said = try await LabProcess().run(arguments: arguments)
      #expect(said.code == 1)
      #expect(said.text.contains("there is no laboratory in"), "\(said.text)")
    }
  }

  @Test(.timeLimit(.minutes(3))) func everyPartIsBrokenAndHealed() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up()
      try await switches(lab)
      try await stops(lab)
      try await kills(lab)
      try await messages(lab)
      #expect(try await lab.run("status").code == 0)
      #expect(try await lab.run("down").code == 0)
      let down = try await lab.run("fault", "worker", "kill")
      #expect(
        down.code == 1 && down.text.contains("worker is not running; start it with lab up"), "\(down.text)")
    }
  }

  @Test(.timeLimit(.minutes(2))) func serversOfOthersAreLeftAlone() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let (postgres, redis) = (try await TestServers.postgres(), try await TestServers.redis())
      try await lab.up(environment: ["DATABASE_URL": postgres.url, "REDIS_URL": redis.url])
      for (server, variable) in [("database", "DATABASE_URL"), ("redis", "REDIS_URL")] {
        for action in [["stop", "--for", "1s"], ["kill"], ["restart"]] {
          let said = try await lab.run(arguments: ["fault", server] + action)
          #expect(said.code == 1)
          #expect(said.text.contains("\(server) was named by \(variable)"), "\(said.text)")
        }
      }
      #expect(postgres.isRunning && redis.isRunning)
      #expect(try await lab.run("reset").code == 0)
    }
  }

  // MARK: -

  @LoopActor
  private func switches(_ lab: LabProcess) async throws {
    try await lab.expect(
      "fault", "database", "latency", "--ms", "5", "--for", "60s", says: "in monolith and eda")
    try await lab.expect("fault", "redis", "flaky", "--rate", "0.5", "--for", "60s", says: "redis flaky")
    let status = try await lab.run("fault", "status").text
    #expect(status.split(separator: "\n").filter { $0.contains("latency 5 ms") }.count == 3, "\(status)")
    #expect(status.contains("flaky 0.5 (seed "), "\(status)")
    try await neverHalfOn(lab)
    let wrong = try await lab.run("fault", "kafka", "outage", "--for", "1s", "--only", "monolith")
    #expect(wrong.code == 1 && wrong.text.contains("the monolith does not use kafka"))
    try await lab.expect("fault", "heal", says: "every fault has ended")
    let healed = try await lab.run("fault", "status").text
    #expect(!healed.contains("latency") && !healed.contains("flaky"), "\(healed)")
  }

  /// One program that does not hear of it: then it is on in none.
  @LoopActor
  private func neverHalfOn(_ lab: LabProcess) async throws {
    let worker = try lab.process("eda-worker")
    worker.signal(SIGSTOP)
    let half = try await lab.run("fault", "database", "hang", "--for", "5m")
    worker.signal(SIGCONT)
    #expect(half.code == 1 && half.text.contains("It was switched off again."), "\(half.text)")
    let deadline = Instant.now + .seconds(10)
    var status = ""
    repeat {
      status = try await lab.run("fault", "status").text
    } while status.contains(" hang") && Instant.now < deadline
    #expect(!status.contains(" hang"), "\(status)")
  }

  @LoopActor
  private func stops(_ lab: LabProcess) async throws {
    try await lab.expect("fault", "redis", "stop", "--for", "100ms", says: "redis continues")
    let redis = try lab.process("redis")
    for signal in [SIGINT, SIGTERM] {
      let command = try lab.start("fault", "redis", "stop", "--for", "60s")
      try await until { redis.isStopped }
      command.signal(signal)
      #expect(await command.exit() == .code(130))
      #expect(!redis.isStopped)
    }
    // Whoever stopped it: heal lets it go on.
    redis.signal(SIGSTOP)
    try await until { redis.isStopped }
    #expect(try await lab.run("fault", "status").text.contains("redis is stopped"))
    try await lab.expect("fault", "heal", says: "every fault has ended")
    #expect(!redis.isStopped)
  }

  @LoopActor
  private func kills(_ lab: LabProcess) async throws {
    for (part, name) in [
      ("worker", "eda-worker"), ("api", "eda-api"), ("monolith", "monolith"), ("redis", "redis"),
      ("database", "postgres"),
    ] {
      let (before, port) = (try lab.process(name), try lab.port(name))
      try await lab.expect("fault", part, "kill", says: "\(part) was killed")
      #expect(!before.isRunning)
      let again = try await lab.run("fault", part, "kill")
      #expect(again.code == 1 && again.text.contains("start it with lab fault \(part) restart"))
      let status = try await lab.run("fault", "status")
      #expect(status.text.contains("\(part) is not running"), "\(status.text)")
      try await lab.expect("fault", part, "restart", says: "\(part) runs again")
      #expect(try lab.process(name).isRunning && lab.process(name) != before)
      #expect(try lab.port(name) == port)
    }
    for action in ["kill", "restart"] {
      let said = try await lab.run("fault", "kafka", action)
      #expect(said.code == 1 && said.text.contains("the embedded broker holds the log in memory"))
    }
    try await lab.eventuallyReady()
    try await lab.expect("fault", "api", "restart", says: "api runs again")
    try await lab.eventuallyReady()
    try await switchesOutliveARestart(lab)
  }

  /// An outage is the same for all, also for who starts again during it and has nobody to ask.
  @LoopActor
  private func switchesOutliveARestart(_ lab: LabProcess) async throws {
    try await lab.expect("fault", "database", "outage", "--for", "60s", says: "in monolith and eda")
    try await lab.expect("fault", "redis", "flaky", "--rate", "0.5", "--for", "60s", says: "redis flaky")
    func seed(_ status: String) -> Substring? { status.split(separator: "(seed ").last?.prefix { $0 != ")" } }
    let before = try await lab.run("fault", "status").text
    for part in ["worker", "api", "monolith"] {
      try await lab.expect("fault", part, "restart", says: "\(part) runs again")
    }
    let status = try await lab.run("fault", "status").text
    #expect(status.split(separator: "\n").filter { $0.contains("outage, ") }.count == 3, "\(status)")
    #expect(status.contains("flaky 0.5 (seed ") && seed(status) == seed(before), "\(status)")
    try await lab.expect("fault", "heal", says: "every fault has ended")
    // What is off stays off.
    try await lab.expect("fault", "monolith", "restart", says: "monolith runs again")
    #expect(try await !lab.run("fault", "status").text.contains("outage"))
    try await lab.eventuallyReady()
  }

  @LoopActor
  private func messages(_ lab: LabProcess) async throws {
    #expect(try await lab.run("policy", "create", "--quota", "5").code == 0)
    try await lab.expect("fault", "log", "poison", "--count", "12", says: "12 unreadable messages")
    try await lab.expect(
      "fault", "log", "duplicates", "--share", "1", says: "13 messages were appended")
    try await lab.expect("fault", "redis", "flush", says: "keys were removed")
    try await lab.eventuallyReady()
  }
}

@Suite(.limited) struct KeptSwitchTests {
  @Test func whatIsLeftIsKnownAndWhatWasCountedIsNotLost() throws {
    let path = FileManager.default.temporaryDirectory.path + "/kept-switches-\(UInt64.random(in: 0 ... .max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let switches = KeptSwitches(LabFolder(path: path))
    #expect(switches.all(of: .eda).isEmpty && switches.forget(.redis, of: .eda) == nil)
    let flaky = try FaultSpec(kind: .flaky, rate: 0.5, ttlSeconds: 10, seed: 7)
    try switches.keep(.redis, flaky, of: .eda, since: 1_000)
    let kept = try #require(switches.all(of: .eda).first)
    #expect(kept.target == .redis && switches.all(of: .monolith).isEmpty)
    #expect(try kept.rest(at: 5_000) == FaultSpec(kind: .flaky, rate: 0.5, ttlSeconds: 6, seed: 7))
    #expect(kept.rest(at: 11_000) == nil)
    try switches.add(bites: 3, to: .redis, of: .eda)
    try switches.add(bites: 4, to: .redis, of: .eda)
    try switches.add(bites: 9, to: .kafka, of: .eda)
    #expect(switches.forget(.redis, of: .eda)?.bites == 7)
    #expect(switches.all(of: .eda).isEmpty)
    try switches.keep(.redis, flaky, of: .eda, since: 1_000)
    switches.forgetAll()
    #expect(switches.all(of: .eda).isEmpty)
  }
}

extension LabProcess {
  /// Runs a command that is done, and what it says.
  @LoopActor
  fileprivate func expect(_ arguments: String..., says words: String) async throws {
    let said = try await run(arguments: arguments)
    #expect(said.code == 0 && said.text.contains(words), "\(arguments): \(said.text)")
  }

  fileprivate func part(_ name: String) throws -> LabFile.Part {
    try #require(state?.parts.first { $0.part == name })
  }

  fileprivate func process(_ name: String) throws -> RunningProcess { try part(name).process }

  fileprivate func port(_ name: String) throws -> Int { try part(name).port }

  @LoopActor
  fileprivate func eventuallyReady() async throws {
    let deadline = Instant.now + .seconds(60)
    while true {
      let status = try await run("status")
      if status.code == 0 { return }
      try #require(Instant.now < deadline, "\(status.text)")
      await EventLoop.shared.sleep(for: .milliseconds(50))
    }
  }
}
