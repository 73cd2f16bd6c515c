import Figures
import Terminal

/// What `lab bench drain` measures.
struct DrainFigures {
  /// Rows a second.
  var bare: [Double] = []
  /// On as many connections as there are partitions.
  var atOnce: [Double] = []
  var drain: [Double] = []
  /// The worker's own processor time, in microseconds a message.
  var cpu: [Double] = []
  /// The worker's memory at its peak, in MiB.
  var peak: [Double] = []
  /// Milliseconds from an answer to its row.
  var latencies: [Double] = []

  func table(_ what: String) -> [String] {
    let many = [
      ["the same, each partition on a connection of its own", spread(atOnce, digits: 0), "", ""]
    ]
    let rates = TextTable(
      head: ["", "rows/s", "worker CPU µs/row", "peak MiB"],
      rows: [["bare batch insert of the same rows, one connection", spread(bare, digits: 0), "", ""]]
        + (atOnce.isEmpty ? [] : many) + [
          ["worker, \(what)", spread(drain, digits: 0), spread(cpu, digits: 1), spread(peak, digits: 0)]
        ])
    let ratio = { (other: [Double]) in spread(zip(drain, other).map { $0 / $1 }, digits: 2) }
    let ratios = TextTable(
      head: ["ratio within a round", "median", "expected"],
      rows: [["worker to bare insert", ratio(bare), "at least 0.6"]]
        + (atOnce.isEmpty ? [] : [["worker to bare insert on as many connections", ratio(atOnce), ""]]))
    guard !latencies.isEmpty else { return rates.lines + [""] + ratios.lines }
    let (middle, late) = (text(of: 0.5), text(of: 0.99))
    return rates.lines + [""] + ratios.lines + [
      "", "from 201 to the row, one coupon at a time: p50 \(middle) ms, p99 \(late) ms",
    ]
  }

  /// Milliseconds from an answer to its row; nil of so few that it is not known.
  func latency(_ fraction: Double) -> Double? {
    guard Percentile.isKnown(fraction, of: latencies.count) else { return nil }
    return latencies.sorted()[Int(Double(latencies.count) * fraction)]
  }

  private func text(of fraction: Double) -> String {
    latency(fraction).map { Numbers.decimal($0, digits: 1) } ?? "–"
  }
}
