import EventLoop
import Laboratory
import Reports
import Terminal

/// `lab bench drain` as a part of the whole.
@LoopActor
final class DrainStage: BenchStage {
  let name: String? = nil
  private let bench: DrainBench
  private let figures: BenchFigures
  private let part: String

  private static let (bareInsert, worker) = ("bare batch insert of the same rows", "eda worker")

  init(_ lab: Lab, _ options: BenchOptions, _ figures: BenchFigures) throws {
    var drain = DrainBench.Options()
    drain.coupons = options.isQuick ? 15_000 : drain.coupons
    drain.rounds = options.rounds
    drain.isInstalled = options.up.installedKafka
    bench = try DrainBench(lab: lab, drain)
    part = "\(Numbers.count(drain.coupons)) coupons"
    self.figures = figures
  }

  func prepare() async throws { try await bench.prepare() }
  func run(round: Int) async throws { try await bench.run(round: round) }
  func end() async {}

  func compare() {
    let found = bench.figures
    let series: [(String, BenchMeasure, [Double])] = [
      (DrainStage.bareInsert, .rate, found.bare), (DrainStage.worker, .rate, found.drain),
      (DrainStage.worker, .cpu, found.cpu), (DrainStage.worker, .peak, found.peak),
    ]
    for (contestant, measure, values) in series {
      for value in values { figures.add(.drain, part, contestant, measure, value) }
    }
    for (measure, fraction) in [(BenchMeasure.p50, 0.5), (.p99, 0.99)] {
      guard let latency = found.latency(fraction) else { continue }
      figures.add(.drain, "from 201 to the row, one coupon at a time", DrainStage.worker, measure, latency)
    }
    figures.compare(
      .drain, "worker to bare insert, rows a second", .rate, .init(part, DrainStage.worker),
      to: .init(part, DrainStage.bareInsert), expected: .atLeast(0.6))
  }
}
