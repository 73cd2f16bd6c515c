import EventLoop
import Experiments
import Foundation
import History
import Laboratory
import Reports
import Terminal

/// One measurement after the other, each in a laboratory that is made for it:
///
///     coupons, memory, shared, monolith   both architectures, an empty log
///     winners, start                      a log that is written directly, and the API that reads it
///     drain                               a log that is written directly, and the worker that reads it
///
/// Within each of them the contestants take turns, so that a machine that grows slower does so for all of them.
@LoopActor
final class Bench {
  private let lab: Lab
  private let options: BenchOptions
  private let figures = BenchFigures()

  init(_ lab: Lab, _ options: BenchOptions) { (self.lab, self.options) = (lab, options) }

  func run() async throws -> BenchResult {
    var versions: [String: String] = [:]
    let requests = options.sections.filter { [.coupons, .memory, .shared, .monolith].contains($0) }
    if !requests.isEmpty {
      try await with(&versions) { RequestBench(lab, options, requests, figures) }
    }
    if options.sections.contains(.winners) || options.sections.contains(.start) {
      try await with(&versions) { StartBench(lab, options, figures) }
    }
    if options.sections.contains(.drain) {
      try await with(&versions) { try DrainStage(lab, options, figures) }
    }
    // What was measured is in the result: nothing of it is needed any more.
    try await lab.reset()
    return BenchResult(
      createdAt: ISO8601DateFormatter().string(from: Date()), commit: await MachineFacts.commit(),
      machine: await MachineFacts.read(), versions: versions, options: options.words,
      isQuick: options.isQuick, rounds: options.rounds, seconds: options.seconds, figures: figures.list,
      ratios: figures.ratios, skipped: figures.skipped)
  }

  private func with(
    _ versions: inout [String: String], _ make: () throws -> any BenchStage
  ) async throws {
    try await lab.reset()
    let stage = try make()
    do {
      try await stage.prepare()
      versions.merge(await ServerFacts.versions(lab.state, .eda)) { $1 }
      for round in 1...options.rounds {
        try lab.interrupt.check()
        let progress = stage.name.map { PhaseProgress("\($0), round \(round) of \(options.rounds)") }
        do { try await stage.run(round: round) } catch {
          progress?.abandon()
          throw error
        }
        progress?.end("measured")
      }
      try stage.compare()
    } catch {
      await stage.end()
      throw lab.interrupt.hasCome ? Interrupted() : error
    }
    await stage.end()
    await lab.stopAll()
  }
}

/// Parts of the bench that share a laboratory.
@LoopActor
protocol BenchStage {
  /// For the progress line; nil: it shows its own.
  var name: String? { get }
  func prepare() async throws
  /// Everything once, in an order that changes from round to round.
  func run(round: Int) async throws
  /// Ratios between figures of the same round.
  func compare() throws
  /// Ends what it has started beside the laboratory's parts, however far that was.
  func end() async
}

/// The figures of all rounds as they come.
@LoopActor
final class BenchFigures {
  private struct Key: Hashable {
    let section: BenchSection
    let part: String
    let contestant: String
    let measure: BenchMeasure
  }

  private var order: [Key] = []
  private var rounds: [Key: [Double]] = [:]
  private(set) var ratios: [BenchRatio] = []
  var skipped: [String] = []

  func add(
    _ section: BenchSection, _ part: String, _ contestant: String, _ measure: BenchMeasure, _ value: Double
  ) {
    let key = Key(section: section, part: part, contestant: contestant, measure: measure)
    if rounds[key] == nil { order.append(key) }
    rounds[key, default: []].append(value)
  }

  var list: [BenchFigure] {
    order.compactMap { key in
      BenchFigure(key.section, key.part, key.contestant, key.measure, rounds[key] ?? [])
    }
  }

  /// A place in the tables: a part and a contestant.
  struct Place {
    let part: String
    let contestant: String

    init(_ part: String, _ contestant: String) { (self.part, self.contestant) = (part, contestant) }
  }

  /// Nothing where one of the two was not measured.
  func compare(
    _ section: BenchSection, _ title: String, _ measure: BenchMeasure, _ above: Place, to below: Place,
    expected: BenchRatio.Bound? = nil
  ) {
    func values(_ place: Place) -> [Double] {
      rounds[Key(section: section, part: place.part, contestant: place.contestant, measure: measure)] ?? []
    }
    let pairs = zip(values(above), values(below)).filter { $1 > 0 }.map { $0 / $1 }
    if let ratio = BenchRatio(section, title, pairs, expected: expected) { ratios.append(ratio) }
  }
}

/// Median with the lowest and highest of all rounds.
func spread(_ values: [Double], digits: Int) -> String {
  let sorted = values.sorted()
  guard let low = sorted.first, let high = sorted.last else { return "–" }
  let text = { (value: Double) in Numbers.decimal(value, digits: digits) }
  return "\(text(sorted[sorted.count / 2])) (\(text(low))–\(text(high)))"
}
