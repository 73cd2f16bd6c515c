import Terminal

/// What `lab bench` measures.
enum BenchPart: String, CaseIterable {
  case constant = "constant answer, 64 connections"
  case edaAccepted = "eda accepted, 64 connections"
  case edaAcceptedNoSwitches = "eda accepted, 64 connections, no fault switches"
  case edaSoldOut = "eda sold out, 64 connections"
  case monolith8 = "monolith accepted, 8 connections"
  case monolith8NoSwitches = "monolith accepted, 8 connections, no fault switches"
  case monolith64 = "monolith accepted, 64 connections"
  case pgbench8 = "pgbench, the same statements, 8 clients"
}

/// The figures of all rounds; shown as medians, and as ratios between parts of the same round.
struct BenchFigures {
  private struct Sample {
    let rate: Double
    let microseconds: Double?
    let p99: Int64?
  }

  private var samples: [BenchPart: [Sample]] = [:]

  mutating func add(_ part: BenchPart, rate: Double, microseconds: Double? = nil, p99: Int64? = nil) {
    samples[part, default: []].append(Sample(rate: rate, microseconds: microseconds, p99: p99))
  }

  func table() -> [String] {
    var parts = TextTable(head: ["", "requests/s", "server CPU µs/request", "p99 ms"])
    for part in BenchPart.allCases {
      guard let samples = samples[part] else { continue }
      parts.rows.append([
        part.rawValue, spread(samples.map(\.rate), digits: 0),
        spread(samples.compactMap(\.microseconds), digits: 1),
        spread(samples.compactMap { $0.p99.map { Double($0) / 1000 } }, digits: 1),
      ])
    }
    let ratios = TextTable(
      head: ["ratio within a round", "median", "expected"],
      rows: [
        [
          "eda accepted, CPU to the constant's", ratio(.edaAccepted, to: .constant, \.microseconds),
          "at most 3.0",
        ],
        [
          "eda sold out, CPU to the constant's", ratio(.edaSoldOut, to: .constant, \.microseconds),
          "at most 1.4",
        ],
        [
          "eda, switches off, CPU to that without switches",
          ratio(.edaAccepted, to: .edaAcceptedNoSwitches, \.microseconds), "1.0, but for the spread",
        ],
        [
          "monolith, switches off, CPU to that without switches",
          ratio(.monolith8, to: .monolith8NoSwitches, \.microseconds), "1.0, but for the spread",
        ],
        ["monolith (8) to pgbench", ratio(.monolith8, to: .pgbench8, \.rate), "at least 1.4"],
        ["monolith (64) to pgbench", ratio(.monolith64, to: .pgbench8, \.rate), "at least 1.4"],
      ])
    return parts.lines + [""] + ratios.lines
  }

  private func ratio(_ part: BenchPart, to other: BenchPart, _ figure: (Sample) -> Double?) -> String {
    let pairs = zip(samples[part] ?? [], samples[other] ?? [])
    return spread(
      pairs.compactMap { a, b in
        guard let above = figure(a), let below = figure(b), below > 0 else { return nil }
        return above / below
      }, digits: 2)
  }
}

/// Median with the lowest and highest of all rounds.
func spread(_ values: [Double], digits: Int) -> String {
  let sorted = values.sorted()
  guard let low = sorted.first, let high = sorted.last else { return "–" }
  let text = { (value: Double) in Numbers.decimal(value, digits: digits) }
  return "\(text(sorted[sorted.count / 2])) (\(text(low))–\(text(high)))"
}
