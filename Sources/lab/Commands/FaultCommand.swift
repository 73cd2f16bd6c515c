import Scenarios
import EventLoop
import Foundation
import Faults
import History
import Laboratory
import Operations
import PrivateServers
package import Terminal

extension LabCommand {
  static let fault = LabCommand(
    "fault", "break a server or a program of the laboratory, or heal it",
    usage: """
      PART stop --for 10s | PART kill | PART restart
             fault SERVER outage|hang|latency|flaky --for 10s [--ms N] [--rate R] [--seed N] [--only monolith|eda]
             fault coupons crash|stall|error --for 10s [--prefix P | --every N] [--ms N] [--only monolith|eda]
             fault redis flush | fault log poison [--count N] | fault log duplicates [--share R] [--seed N]
             fault status | fault heal
      """,
    options: [
      ("PART", "database, redis, kafka (if lab started them), monolith, api or worker"),
      ("SERVER", "database, redis or kafka, as the programs see it: a switch below every rule"),
      (
        "coupons",
        "the code between deciding and recording a coupon: the process ends, blocks its thread, throws"
      ),
      ("--for TIME", "how long the fault lasts: 10s, 500ms, 2m; at most an hour"),
      ("--ms N", "of latency: the delay in ms, 1…60000; of stall: how long it blocks, 1…10000"),
      ("--prefix P", "of crash, stall and error: for people whose id begins with it"),
      ("--every N", "of crash, stall and error: for every N-th coupon"),
      ("--rate R", "of flaky: the share that fails, up to 1"),
      ("--seed N", "of flaky and duplicates: the seed of the random choices"),
      ("--count N", "of poison: how many unreadable messages; 10"),
      ("--share R", "of duplicates: the share of the log that is appended once more; 0.1"),
      ("status", "list what is switched on or stopped, and how often it was felt"),
      ("heal", "end every fault (restart starts what was killed)"),
    ]
  ) { arguments, folder in
    let request = try FaultRequest(&arguments)
    try arguments.finish()
    switch request {
    case .status: return try await Lab.look(folder, interrupt: .shared).showFaults()
    case .heal: return try await Lab.look(folder, interrupt: .shared).healEverything()
    case .apply(let fault, let architectures):
      // Only a restart changes lab.json and needs the lock.
      let open = if case .restart = fault { Lab.open } else { Lab.look }
      return try await open(folder, .shared).inflict(fault, on: architectures)
    }
  }
}

/// What a `lab fault …` line asks for.
private enum FaultRequest {
  case status
  case heal
  /// No architecture: those that run.
  case apply(LabFault, Architecture?)

  init(_ arguments: inout CommandArguments) throws(UsageError) {
    let given = FaultOptions.owners.filter { arguments.has($0.option) }
    let options = try FaultOptions(&arguments)
    guard let name = arguments.positional() else {
      throw UsageError("name a part and an action, for example database stop")
    }
    var words = name
    var taken: [String] = []
    switch name {
    case "status": self = .status
    case "heal": self = .heal
    default:
      guard let action = arguments.positional() else {
        throw UsageError("\(name) needs an action, for example stop")
      }
      words += " " + action
      let fault: LabFault
      (fault, taken) = try options.fault(name, action)
      self = .apply(fault, options.only)
    }
    // An option that would be ignored is a misunderstanding: what it says would not happen.
    if let stray = given.first(where: { !taken.contains($0.option) }) {
      throw UsageError("\(stray.option) goes with \(stray.owner), not with \(words)")
    }
  }
}

private struct FaultOptions {
  static let owners: [(option: String, owner: String)] = [
    ("--for", "stop and with switches"), ("--only", "switches"), ("--ms", "latency and stall"),
    ("--rate", "flaky"), ("--prefix", "faults of coupons"), ("--every", "faults of coupons"),
    ("--seed", "flaky and duplicates"), ("--count", "poison"), ("--share", "duplicates"),
  ]

  private let time: Duration?
  let only: Architecture?
  private let milliseconds: Int?
  private let rate: Double?
  private let seed: UInt64?
  private let count: Int?
  private let share: Double?
  private let prefix: String?
  private let every: Int?

  init(_ arguments: inout CommandArguments) throws(UsageError) {
    time = try arguments.time("--for")
    only = try arguments.architecture()
    milliseconds = try arguments.number("--ms", in: FaultSpec.latencyRange)
    rate = try arguments.number("--rate", in: 0.000_001...1)
    seed = try arguments.number("--seed", in: 0...Int(FaultSpec.greatestSeed)).map { UInt64($0) }
    count = try arguments.number("--count", in: 1...LogInjection.mostMessages)
    share = try arguments.number("--share", in: 0.000_001...1)
    prefix = try arguments.option("--prefix")
    every = try arguments.number("--every", in: FaultSpec.everyRange)
  }

  /// The fault, and the options that it takes.
  func fault(_ name: String, _ action: String) throws(UsageError) -> (LabFault, options: [String]) {
    if let kind = FaultKind(rawValue: action), let target = FaultTarget(rawValue: name),
      target.kinds.contains(kind)
    {
      let own = target == .coupons ? ["--prefix", "--every", "--ms"] : ["--ms", "--rate", "--seed"]
      return (.switched(target, try spec(kind)), ["--for", "--only"] + own)
    }
    switch (name, action) {
    case ("redis", "flush"): return (.flush, [])
    case ("log", "poison"): return (.poison(count: count ?? 10), ["--count"])
    case ("log", "duplicates"):
      return (.duplicates(share: share ?? 0.1, seed: seed ?? 1), ["--share", "--seed"])
    case ("coupons", _): throw UsageError("coupons takes crash, stall and error, not “\(action)”")
    case ("log", _): throw UsageError("the log takes poison and duplicates, not “\(action)”")
    default: break
    }
    guard let part = FaultedPart(rawValue: name) else {
      let names = FaultedPart.allCases.map(\.rawValue).joined(separator: ", ")
      throw UsageError("unknown part “\(name)”: use one of \(names), coupons, log, status or heal")
    }
    switch action {
    case "stop":
      guard let time else { throw UsageError("--for is missing: say how long, for example --for 10s") }
      return (.stop(part, for: time), ["--for"])
    case "kill": return (.kill(part), [])
    case "restart": return (.restart(part), [])
    default: throw UsageError("\(name) has no fault “\(action)”")
    }
  }

  private func spec(_ kind: FaultKind) throws(UsageError) -> FaultSpec {
    guard let time else { throw UsageError("--for is missing: say how long, for example --for 10s") }
    do throws(InvalidFault) {
      return try FaultSpec(
        kind: kind, latencyMs: kind == .stall ? nil : milliseconds, rate: rate,
        ttlSeconds: time.milliseconds / 1_000, seed: seed, stallMs: kind == .stall ? milliseconds : nil,
        prefix: prefix, every: every)
    } catch {
      let names = [
        "latencyMs": "--ms", "stallMs": "--ms", "prefix": "--prefix", "every": "--every", "rate": "--rate",
        "ttlSeconds": "--for", "seed": "--seed",
      ]
      throw UsageError("\(names[error.field] ?? error.field) \(error.rule)")
    }
  }
}

extension CommandArguments {
  /// `10s`, `500ms`, `2m`; a bare number is seconds. More than nothing, at most an hour.
  package mutating func time(_ name: String) throws(UsageError) -> Duration? {
    guard let text = try option(name) else { return nil }
    let digits = text.prefix { $0.isNumber || $0 == "." }
    let units = ["": 1_000.0, "ms": 1, "s": 1_000, "m": 60_000]
    guard let number = Double(digits), let unit = units[String(text.dropFirst(digits.count))],
      case let milliseconds = number * unit, milliseconds >= 1, milliseconds <= 3_600_000
    else { throw UsageError("\(name) must be a time such as 10s, 500ms or 2m, at most 60m, not “\(text)”") }
    return .milliseconds(Int64(milliseconds))
  }
}

extension Lab {
  /// Applies a fault and says what became of it; a stopped part is waited for.
  fileprivate func inflict(_ fault: LabFault, on architecture: Architecture?) async throws -> Int32 {
    let architectures = try meant(by: fault, architecture)
    var done: [(architecture: Architecture, record: LabFaultRecord)] = []
    do {
      for architecture in architectures {
        done.append((architecture, try await apply(fault, to: architecture)))
      }
    } catch {
      // One command is one fault: what it has done elsewhere is undone.
      for (architecture, record) in done { _ = try? await heal(record, of: architecture) }
      throw error
    }
    defer {
      if !interrupt.hasCome { Terminal.line(fault.told(bites: done.last?.record.bites, of: architectures)) }
    }
    guard case .stop(let part, let time) = fault else { return 0 }
    let progress = PhaseProgress("lab fault: \(part.rawValue) is stopped")
    let over = Completion<Void>()
    interrupt.onCome { over.succeed(()) }
    EventLoop.shared.schedule(after: time) { over.succeed(()) }
    try? await over.value()
    resume(part)
    progress.end("goes on")
    try interrupt.check()
    return 0
  }

  /// A switch is for the programs that use what it breaks; everything else happens once.
  private func meant(by fault: LabFault, _ named: Architecture?) throws -> [Architecture] {
    guard case .switched(let target, _) = fault else { return [.eda] }
    let possible = Architecture.allCases.filter { [.database, .coupons].contains(target) || $0 == .eda }
    if let named {
      guard possible.contains(named) else {
        throw LabFailure("the \(named.rawValue) does not use \(target.rawValue)")
      }
      return [named]
    }
    let running = possible.filter { operatedPart(of: $0) != nil }
    guard !running.isEmpty else {
      throw LabFailure("no program that uses \(target.rawValue) is running; start them with lab up")
    }
    return running
  }

  fileprivate func showFaults() async throws -> Int32 {
    var table = TextTable(head: ["program", "server", "switch", "bites"])
    for architecture in Architecture.allCases {
      do {
        for program in try await switches(of: architecture) {
          for fault in program.faults {
            table.rows.append([program.program, fault.target, fault.words, String(fault.bites)])
          }
        }
      } catch { Terminal.line("\(architecture.rawValue): \(error)") }
    }
    for line in table.lines { Terminal.line(line) }
    for part in FaultedPart.allCases {
      guard let known = state.part(part.part) else { continue }
      if !known.process.isRunning {
        Terminal.line("\(part.rawValue) is not running")
      } else if known.process.isStopped {
        Terminal.line("\(part.rawValue) is stopped")
      }
    }
    return 0
  }

  fileprivate func healEverything() async throws -> Int32 {
    // A stopped program could not answer.
    resumeAll()
    try await clearSwitches()
    let down = FaultedPart.allCases.filter { state.part($0.part)?.process.isRunning == false }
    Terminal.line(
      down.isEmpty
        ? "every fault has ended"
        : "every fault has ended, except what was killed: "
          + down.map { "lab fault \($0.rawValue) restart" }.joined(separator: ", "))
    return 0
  }
}

extension LabFault {
  fileprivate func told(bites: Int?, of architectures: [Architecture]) -> String {
    switch self {
    case .switched(let target, let spec):
      "\(target.rawValue) \(spec.kind.rawValue) for \(spec.ttlSeconds) s in "
        + architectures.map(\.rawValue).joined(separator: " and ")
    case .stop(let part, _): "\(part.rawValue) continues"
    case .kill(let part): "\(part.rawValue) was killed; lab fault \(part.rawValue) restart starts it again"
    case .restart(let part): "\(part.rawValue) runs again; lab status says when it is ready"
    case .flush: "\(Numbers.count(bites ?? 0)) keys were removed from Redis"
    case .poison: "\(Numbers.count(bites ?? 0)) unreadable messages were appended to the log"
    case .duplicates: "\(Numbers.count(bites ?? 0)) messages were appended to the log a second time"
    }
  }
}
