package import Experiments
import Foundation
package import Scenarios
import Terminal

/// What `lab bench` has measured: `bench.json`, and all that its page and its charts are drawn from.
package struct BenchResult: Codable, Hashable, Sendable {
  package static let version = 1
  package var formatVersion = BenchResult.version
  /// ISO 8601, UTC.
  package var createdAt: String
  /// What `lab` was built from; `+` where sources differ from it.
  package var commit: String
  package var machine: Machine
  package var versions: [String: String]
  /// What `lab bench` was told.
  package var options: [String]
  package var isQuick: Bool
  package var rounds: Int
  /// Of one contestant in one round.
  package var seconds: Double
  package var figures: [BenchFigure]
  package var ratios: [BenchRatio]
  /// What was not measured, and why.
  package var skipped: [String]

  package init(
    createdAt: String, commit: String, machine: Machine, versions: [String: String], options: [String],
    isQuick: Bool, rounds: Int, seconds: Double, figures: [BenchFigure], ratios: [BenchRatio],
    skipped: [String]
  ) {
    (self.createdAt, self.commit, self.machine, self.versions) = (createdAt, commit, machine, versions)
    (self.options, self.isQuick, self.rounds, self.seconds) = (options, isQuick, rounds, seconds)
    (self.figures, self.ratios, self.skipped) = (figures, ratios, skipped)
  }

  /// - Throws: `LabFailure` where it is not there or of another version.
  package static func read(_ path: String) throws -> BenchResult {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw LabFailure("there is no \(path)")
    }
    guard let result = try? JSONDecoder().decode(BenchResult.self, from: data),
      result.formatVersion == version
    else { throw LabFailure("\(path) is no result of this version of lab bench") }
    return result
  }

  /// The sections that have figures, in their order.
  package var sections: [BenchSection] {
    BenchSection.allCases.filter { section in figures.contains { $0.section == section } }
  }
}

/// One thing that `lab bench` can measure by itself: what `--part` names.
package enum BenchSection: String, Codable, CaseIterable, Sendable {
  case coupons, memory, shared, monolith, winners, start, drain

  package var title: String {
    switch self {
    case .coupons: "A request of the event-driven API"
    case .memory: "Memory of the event-driven API"
    case .shared: "Several APIs on one port"
    case .monolith: "A coupon of the monolith"
    case .winners: "Few winners and many"
    case .start: "A start with a full log"
    case .drain: "The worker behind a full log"
    }
  }
}

/// What is measured of a contestant.
package enum BenchMeasure: String, Codable, CaseIterable, Sendable {
  case rate = "per_s"
  case cpu = "cpu_us"
  case p50 = "p50_ms"
  case p99 = "p99_ms"
  case seconds = "s"
  case peak = "peak_mib"
  case longestTurn = "longest_turn_ms"
  case longTurns = "turns_over_10_ms"
  case health = "healthz_p99_ms"
  case slowestHealth = "healthz_slowest_ms"
  case bytes

  package var title: String {
    switch self {
    case .rate: "a second"
    case .cpu: "server CPU µs each"
    case .p50: "p50 ms"
    case .p99: "p99 ms"
    case .seconds: "seconds"
    case .peak: "peak MiB"
    case .longestTurn: "longest turn ms"
    case .longTurns: "turns over 10 ms"
    case .health: "/healthz p99 ms"
    case .slowestHealth: "/healthz slowest ms"
    case .bytes: "bytes"
    }
  }

  package func text(_ value: Double) -> String {
    switch self {
    case .rate, .peak, .longTurns, .bytes: Numbers.decimal(value, digits: 0)
    case .cpu, .longestTurn, .health, .slowestHealth: Numbers.decimal(value, digits: 1)
    case .p50, .p99, .seconds: Numbers.decimal(value, digits: value < 1 ? 2 : 1)
    }
  }
}

/// One figure of all rounds.
package struct BenchFigure: Codable, Hashable, Sendable {
  package var section: BenchSection
  /// `accepted, 64 connections`
  package var part: String
  /// `eda`, `constant answer`, `pgbench`
  package var contestant: String
  package var measure: BenchMeasure
  /// In the order of the rounds.
  package var rounds: [Double]
  package var spread: Spread

  package init?(
    _ section: BenchSection, _ part: String, _ contestant: String, _ measure: BenchMeasure, _ rounds: [Double]
  ) {
    guard let spread = Spread(rounds) else { return nil }
    (self.section, self.part, self.contestant) = (section, part, contestant)
    (self.measure, self.rounds, self.spread) = (measure, rounds, spread)
  }

  package var text: String { BenchFigure.text(spread, measure.text) }

  /// The median, and where the rounds differ the least and the greatest.
  static func text(_ spread: Spread, _ text: (Double) -> String) -> String {
    let (least, greatest) = (text(spread.min), text(spread.max))
    return text(spread.median) + (least == greatest ? "" : " (\(least)…\(greatest))")
  }
}

/// One figure to another one of the same rounds.
package struct BenchRatio: Codable, Hashable, Sendable {
  package enum Bound: Codable, Hashable, Sendable {
    case atLeast(Double)
    case atMost(Double)
    case between(Double, Double)

    func holds(_ value: Double) -> Bool {
      switch self {
      case .atLeast(let bound): value >= bound
      case .atMost(let bound): value <= bound
      case .between(let low, let high): (low...high).contains(value)
      }
    }

    var text: String {
      func number(_ value: Double) -> String { Numbers.decimal(value, digits: 2) }
      return switch self {
      case .atLeast(let bound): "at least \(number(bound))"
      case .atMost(let bound): "at most \(number(bound))"
      case .between(let low, let high): "\(number(low)) to \(number(high))"
      }
    }
  }

  package var section: BenchSection
  package var title: String
  package var rounds: [Double]
  package var spread: Spread
  /// What the median is expected to be; nil: nothing in particular.
  package var expected: Bound?

  package init?(_ section: BenchSection, _ title: String, _ rounds: [Double], expected: Bound?) {
    guard let spread = Spread(rounds) else { return nil }
    (self.section, self.title, self.rounds) = (section, title, rounds)
    (self.spread, self.expected) = (spread, expected)
  }

  package var isAsExpected: Bool { expected?.holds(spread.median) ?? true }

  package var text: String { BenchFigure.text(spread) { Numbers.decimal($0, digits: 2) } }

  package var verdict: String { expected.map { (isAsExpected ? "✓ " : "✗ ") + $0.text } ?? "" }
}
