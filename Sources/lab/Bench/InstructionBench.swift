import EventLoop
import Experiments
import Foundation
import HTTP
import History
import Laboratory
import Load
import PrivateServers
import Scenarios
import Terminal

/// What `lab bench instructions` compares with: instructions a request, by program and kind of request.
package struct InstructionBounds: Codable, Equatable {
  /// So much more than the file says is still no failure: 0.05 is 5 %.
  package var margin: Double
  package var instructions: [String: Int]

  package init(margin: Double, instructions: [String: Int]) {
    (self.margin, self.instructions) = (margin, instructions)
  }

  static func read(_ path: String) throws -> InstructionBounds {
    guard let data = FileManager.default.contents(atPath: path),
      let bounds = try? JSONDecoder().decode(InstructionBounds.self, from: data)
    else { throw LabFailure("\(path) holds no bounds: {\"margin\": 0.05, \"instructions\": {…}}") }
    return bounds
  }

  /// One line for each figure that is above its bound, or has none, or was not counted.
  package func breaches(of counted: [String: Double]) -> [String] {
    var lines: [String] = []
    for (name, bound) in instructions.sorted(by: { $0.key < $1.key }) {
      guard let count = counted[name] else {
        lines.append("\(name): was not counted")
        continue
      }
      guard count > Double(bound) * (1 + margin) else { continue }
      lines.append(
        "\(name): \(Numbers.decimal(count, digits: 0)) instructions, \(Numbers.percent(count / Double(bound) - 1)) more "
          + "than the \(Numbers.count(bound)) of the file; \(Numbers.percent(margin)) are allowed")
    }
    let unknown = counted.keys.filter { instructions[$0] == nil }.sorted()
    return lines + unknown.map { "\($0): the file has no bound; --update writes one" }
  }
}

extension LabCommand {
  /// `lab bench instructions --programs FOLDER --bounds FILE [--update]`; `scripts/instructions` makes the folder.
  @LoopActor
  static func countInstructions(
    _ arguments: inout CommandArguments, _ folder: LabFolder
  ) async throws -> Int32 {
    let isUpdate = arguments.flag("--update")
    guard let programs = try arguments.option("--programs"), let file = try arguments.option("--bounds")
    else {
      throw UsageError("instructions needs --programs and --bounds: use scripts/instructions")
    }
    try arguments.finish()
    var bounds = isUpdate ? nil : try InstructionBounds.read(file)
    let lab = try Lab.open(LabFolder(path: folder.path + "/bench"), interrupt: .shared)
    let bench = InstructionBench(lab, programs)
    do { try await bench.run() } catch {
      await lab.stopAll()
      throw lab.interrupt.hasCome ? Interrupted() : error
    }
    try await lab.reset()
    let medians = bench.medians
    var table = TextTable(head: ["instructions a request", "median (least…greatest)", "bound"])
    for (name, spread) in bench.spreads {
      let bound = bounds?.instructions[name].map { Numbers.count($0) } ?? "–"
      let text = [spread.median, spread.min, spread.max].map { Numbers.decimal($0, digits: 0) }
      table.rows.append([name, "\(text[0]) (\(text[1])…\(text[2]))", bound])
    }
    for line in table.lines { Terminal.line(line) }
    for line in bench.switches { Terminal.line(line) }
    if isUpdate {
      bounds = InstructionBounds(
        margin: (try? InstructionBounds.read(file))?.margin ?? 0.05,
        instructions: medians.mapValues { Int($0.rounded()) })
      try WholeFile.write(json: bounds, to: file)
      Terminal.line(file)
      return 0
    }
    let breaches = bounds?.breaches(of: medians) ?? []
    for line in breaches { Terminal.error(line) }
    return breaches.isEmpty ? 0 : 1
  }
}

/// Counts the instructions of the thread of a program's loop, for a fixed number of requests over a fixed number of
/// connections. Under callgrind a program is slower than whoever asks it, whatever else the machine does: nearly each turn of
/// the loop has a request of every connection, and the counts of two runs differ by less than 1 %.
@LoopActor
final class InstructionBench {
  private let lab: Lab
  private let programs: String
  private var counts: [String: [Double]] = [:]
  private var order: [String] = []

  private static let rounds = 3
  private static let warmUp = 500
  private static let connections = 32
  private static let (selling, soldOut) = (1, 2)

  /// - Parameter programs: a folder where `eda` and `monolith` run under `valgrind --tool=callgrind`, each thread counted
  ///   by itself, not counting at the start, and write to `callgrind.PID` there.
  init(_ lab: Lab, _ programs: String) { (self.lab, self.programs) = (lab, programs) }

  var spreads: [(String, Spread)] {
    order.compactMap { name in Spread(counts[name] ?? []).map { (name, $0) } }
  }
  var medians: [String: Double] { Dictionary(uniqueKeysWithValues: spreads.map { ($0.0, $0.1.median) }) }

  func run() async throws {
    try await lab.reset()
    var up = UpOptions()
    up.programs = programs
    for name in ["DATABASE_URL", "REDIS_URL", "KAFKA_BROKERS"] { up.environment[name] = nil }
    try await lab.up(up)
    await lab.stop(.edaWorker)
    for part in [LabPart.edaAPI, .monolith] {
      guard let running = lab.state.part(part) else { throw LabFailure("the laboratory did not start whole") }
      for (id, quota) in [(InstructionBench.selling, 14_500), (InstructionBench.soldOut, 1)] {
        _ = try await Operator(running, of: lab.state).create(
          PolicyRequest(
            policyId: id, name: "bench \(id)", startsOn: "2020-01-01", endsOn: "2029-12-31",
            opensAt: "00:00:00", timeZone: "UTC", dailyQuota: quota, perPerson: "once"))
      }
      try await count(part, "")
    }
    // The switches are part of the operator's listener.
    for part in [LabPart.edaAPI, .monolith] {
      try await lab.renew(part, withoutOperator: true)
      try await count(part, InstructionBench.withoutSwitches)
    }
  }

  private static let withoutSwitches = ", without fault switches"

  private var people = 0

  private func count(_ part: LabPart, _ words: String) async throws {
    guard let running = lab.state.part(part) else { throw LabFailure("\(part.rawValue) does not run") }
    let program = part == .monolith ? "monolith" : "eda"
    let requests = part == .monolith ? 1_000 : 2_000
    let progress = PhaseProgress("\(program)\(words)")
    defer { progress.abandon() }
    let valgrind = Callgrind(running.process.pid, programs)
    let kinds = [
      (", sold out", InstructionBench.soldOut, 409), (", accepted", InstructionBench.selling, 201),
    ]
    try await valgrind.count(true)
    for (index, (kind, policy, status)) in kinds.enumerated() {
      // The last coupon of a day, and code that is read for the first time.
      try await ask(running.address, policy, 20, status, connections: 1)
      try await ask(running.address, policy, InstructionBench.warmUp, status)
      for round in 0..<InstructionBench.rounds {
        try await valgrind.zero()
        try await ask(running.address, policy, requests, status)
        let instructions = try await valgrind.instructions()
        add(program + kind + words, Double(instructions) / Double(requests))
        progress.update(
          Double(index * InstructionBench.rounds + round + 1) / Double(kinds.count * InstructionBench.rounds))
      }
    }
    try await valgrind.count(false)
    progress.end("counted")
  }

  private func add(_ name: String, _ value: Double) {
    if counts[name] == nil { order.append(name) }
    counts[name, default: []].append(value)
  }

  private func ask(
    _ address: SocketAddress, _ policy: Int, _ count: Int, _ status: Int,
    connections: Int = InstructionBench.connections
  ) async throws {
    var left = count
    let result = try await ClosedLoop.run(
      at: address, connections: connections, for: .seconds(300), expecting: status
    ) { [self] in
      left -= 1
      guard left >= 0, !lab.interrupt.hasCome else { return nil }
      people += 1
      // Of one length: a longer name has more instructions.
      return couponRequest("p\(10_000_000 + people)", policy: policy)
    }
    try lab.interrupt.check()
    // The first of a day that has one coupon gets it.
    guard result.answered + (connections == 1 ? 1 : 0) >= count else {
      throw LabFailure(
        "\(count - result.answered) of \(count) answers were wrong: \(result.firstWrong ?? "none")")
    }
    // When this is answered, the ends of those connections were seen: they are counted here, always.
    _ = try await HTTPClient.ask(address, HTTPRequest(.get, "/healthz"), within: .seconds(10))
  }

  /// What switches that are there but off cost.
  var switches: [String] {
    order.filter { medians[$0 + InstructionBench.withoutSwitches] != nil }.compactMap { name in
      guard let with = medians[name], let without = medians[name + InstructionBench.withoutSwitches] else {
        return nil
      }
      return "\(name): switches that are off cost \(Numbers.percent(with / without - 1))"
    }
  }
}

/// Speaks to a process under callgrind.
@LoopActor
private struct Callgrind {
  private let pid: Int32
  private let folder: String

  init(_ pid: Int32, _ folder: String) { (self.pid, self.folder) = (pid, folder) }

  func count(_ isOn: Bool) async throws { try await control("-i", isOn ? "on" : "off") }
  func zero() async throws { try await control("-z") }

  /// Of the loop's thread since `zero`: what libraries do in threads of their own depends on time.
  func instructions() async throws -> Int {
    let before = try dumps()
    try await control("-d", "counted")
    guard let file = try dumps().subtracting(before).sorted().first(where: { $0.hasSuffix("-01") }),
      let text = try? String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("summary: ") }),
      let count = Int(line.dropFirst("summary: ".count))
    else { throw LabFailure("callgrind has written no summary for \(pid) in \(folder)") }
    return count
  }

  private func dumps() throws -> Set<String> {
    Set(
      try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("callgrind.\(pid).") }
    )
  }

  private func control(_ arguments: String...) async throws {
    let (status, output) = try await ChildProcess.run(
      ChildProcess.Options(
        "callgrind_control", arguments + [String(pid)],
        environment: ProcessInfo.processInfo.environment, output: .capture(limit: 4_096)))
    guard status.isSuccess else {
      throw LabFailure("callgrind_control: \(String(decoding: output, as: UTF8.self).suffix(300))")
    }
  }
}
