import EventLoop
import Experiments
import Foundation
import History
import Laboratory
import Reports
import Terminal

extension LabCommand {
  static let bench = LabCommand(
    "bench", "what a request, a start and a drain cost, beside ceilings measured in the same run",
    usage: """
      [--quick] [--part NAME,…] [--against URL,…] [OPTIONS]
             bench drain [--coupons N] [--rounds N] [--partitions N] [--policies N] [--latency MS] [--kafka installed]
             bench scaling [connections|policies|stock] [--seconds N] [--stock N] [--file FILE] [--kafka installed]
             bench instructions --bounds FILE [--update]
      """,
    options: [
      ("--quick", "one short round of little: shows that everything works; its figures say little"),
      ("--part NAME,…", "of \(BenchSection.allCases.map(\.rawValue).joined(separator: ", ")); all of them"),
      ("drain", "instead: how fast the worker writes a log, beside a bare insert of the same rows"),
      ("scaling", "instead: what a coupon costs at each station, for the model of scripts/scaling"),
      ("--stock N", "of the one policy whose cost `scaling stock` measures; 1,000,000"),
      ("--file FILE", "that the figures are added to; scaling.json"),
      ("--coupons N", "in the log that is drained; 100,000"),
      ("--partitions N", "of that log; one, or as many as the embedded broker needs"),
      ("--policies N", "of that log; one a partition"),
      ("--latency MS", "by which the database answers later, to the worker as to the bare insert"),
      ("--rounds N", "how often each contestant is measured, in turn; 3"),
      ("--seconds N", "how long each time; 3"),
      ("--kafka WHICH", "embedded, installed (KAFKA_HOME) or HOST:PORT,…; the embedded broker"),
      (
        "--against URL,…", "foreign servers as further contestants: http://HOST:PORT of one that runs and has"
      ),
      ("", "  GET /healthz: 200;"),
      ("", "  POST /v1/policies/1/coupons, the person in X-User-Id, no body, kept-alive HTTP/1.1:"),
      ("", "  201 for a new person, 200 for one who has a coupon, 409 when it is sold out."),
      ("", "  One with stock for every request (a quota of 10,000,000) competes in accepted coupons and"),
      ("", "  retries, one that is sold out in refusals: name one of each for both. Its processor time is"),
      ("", "  shown where it listens on this machine. For one set of servers, give it the same REDIS_URL"),
      ("", "  and DATABASE_URL, and KAFKA_BROKERS or --kafka HOST:PORT"),
      ("--against-monolith URL,…", "the same of servers that are to compete with the monolith"),
      ("--to FOLDER", "where bench.json, bench.html, bench.svg and bench.md go; .lab/bench"),
      ("instructions", "counts instructions with valgrind instead; scripts/instructions starts it"),
      ("DATABASE_URL=… and others", "your own servers, as with lab up"),
    ]
  ) { arguments, folder in
    if arguments.flag("scaling") { return try await scaling(&arguments, folder) }
    if arguments.flag("drain") { return try await drain(&arguments, folder) }
    if arguments.flag("instructions") { return try await countInstructions(&arguments, folder) }
    let options = try BenchOptions(&arguments)
    try arguments.finish()
    // A laboratory of its own: the one in use is left alone.
    let lab = try Lab.open(LabFolder(path: folder.path + "/bench"), interrupt: .shared)
    let target = options.target ?? folder.path + "/bench"
    let result: BenchResult
    do { result = try await Bench(lab, options).run() } catch {
      await lab.stopAll()
      throw error
    }
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    let page = BenchPage(result)
    try WholeFile.write(json: result, to: target + "/bench.json")
    try WholeFile.write(page.html, to: target + "/bench.html")
    try WholeFile.write(page.svg, to: target + "/bench.svg")
    try WholeFile.write(page.markdown, to: target + "/bench.md")
    for line in page.lines { Terminal.line(line) }
    Terminal.line("\(target)/bench.html, bench.json, bench.svg, bench.md")
    return 0
  }

  @LoopActor
  private static func drain(_ arguments: inout CommandArguments, _ folder: LabFolder) async throws -> Int32 {
    var options = DrainBench.Options()
    options.coupons = try arguments.number("--coupons", in: 5_000...5_000_000) ?? options.coupons
    options.rounds = try arguments.number("--rounds", in: 1...100) ?? options.rounds
    options.partitions = try arguments.number("--partitions", in: 1...1_024)
    options.policies = try arguments.number("--policies", in: 1...1_024)
    options.latency = try arguments.number("--latency", in: 1...1_000)
    options.isInstalled = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    try arguments.finish()
    let lab = try Lab.open(LabFolder(path: folder.path + "/bench"), interrupt: .shared)
    do {
      try await lab.reset()
      let bench = try DrainBench(lab: lab, options)
      try await bench.prepare()
      for round in 1...options.rounds { try await bench.run(round: round) }
      for line in bench.table() { Terminal.line(line) }
    } catch {
      await lab.stopAll()
      throw error
    }
    await lab.stopAll()
    return 0
  }
}

extension LabCommand {
  @LoopActor
  private static func scaling(_ arguments: inout CommandArguments, _ folder: LabFolder) async throws -> Int32
  {
    var options = ScalingBench.Options(file: try arguments.option("--file") ?? "scaling.json")
    for part in ScalingBench.Part.allCases where arguments.flag(part.rawValue) { options.part = part }
    options.seconds = try arguments.number("--seconds", in: 1...60) ?? options.seconds
    options.stock = try arguments.number("--stock", in: 10_000...5_000_000) ?? options.stock
    options.isInstalled = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    try arguments.finish()
    let lab = try Lab.open(LabFolder(path: folder.path + "/bench"), interrupt: .shared)
    let bench = try ScalingBench(lab: lab, options)
    do { try await bench.run() } catch {
      await bench.end()
      throw error
    }
    await bench.end()
    return 0
  }
}

/// What a `lab bench …` line asks for.
@LoopActor
struct BenchOptions {
  var sections = BenchSection.allCases
  var isQuick: Bool
  var rounds: Int
  /// Of one contestant in one round.
  var seconds: Double
  var foreign: [SocketAddress] = []
  var foreignMonoliths: [SocketAddress] = []
  var target: String?
  var up = UpOptions()
  /// What was said, for the result.
  var words: [String] = []

  init(_ arguments: inout CommandArguments) throws {
    isQuick = arguments.flag("--quick")
    (rounds, seconds) = isQuick ? (1, 0.3) : (3, 3)
    if isQuick { words.append("--quick") }
    if let text = try arguments.option("--part") {
      words += ["--part", text]
      sections = try text.split(separator: ",").map { name in
        guard let section = BenchSection(rawValue: String(name)) else {
          throw UsageError(
            "--part takes \(BenchSection.allCases.map(\.rawValue).joined(separator: ", ")), not “\(name)”")
        }
        return section
      }
    }
    if let number = try arguments.number("--rounds", in: 1...100) {
      words += ["--rounds", String(number)]
      rounds = number
    }
    if let number = try arguments.number("--seconds", in: 1...60) {
      words += ["--seconds", String(number)]
      seconds = Double(number)
    }
    try readKafka(&arguments)
    foreign = try readForeign(&arguments, "--against")
    foreignMonoliths = try readForeign(&arguments, "--against-monolith")
    target = try arguments.option("--to")
  }

  private mutating func readForeign(
    _ arguments: inout CommandArguments, _ option: String
  ) throws -> [SocketAddress] {
    guard let text = try arguments.option(option) else { return [] }
    words += [option, text]
    return try text.split(separator: ",").map { try ForeignServer.address(String($0), option) }
  }

  private mutating func readKafka(_ arguments: inout CommandArguments) throws {
    guard let which = try arguments.option("--kafka") else { return }
    words += ["--kafka", which]
    // Whatever asks the environment later is told the same.
    switch which {
    case "embedded", "installed": unsetenv("KAFKA_BROKERS")
    case _ where which.contains(":"): setenv("KAFKA_BROKERS", which, 1)
    default: throw UsageError("--kafka must be embedded, installed or HOST:PORT,…, not “\(which)”")
    }
    up = UpOptions()
    up.installedKafka = which == "installed"
  }

  /// Whether the log keeps what is put into it: the embedded broker keeps little of a partition.
  var keepsTheLog: Bool { up.installedKafka || up.named("KAFKA_BROKERS") != nil }
}
