import Terminal
import Verify

/// The four charts of a report.
struct ReportCharts {
  let report: Report

  private var runs: [RunFigures] { report.runs }

  var all: [Chart] { [latency, issued, answers, bystander] }

  private func seconds(_ series: SeriesFigures, _ slice: Int) -> Double {
    series.startSeconds + (Double(slice) + 0.5) * series.sliceSeconds
  }

  private func line(
    _ run: RunFigures, _ name: String, dashed: Bool = false, _ values: [Double?]
  ) -> Chart.Line {
    Chart.Line(
      name: "\(run.architecture) \(name)", style: run.architecture, dash: dashed ? .dashed : .solid,
      points: values.enumerated().map { (seconds(run.series, $0.offset), $0.element) })
  }

  /// From shortly before the opening until everybody has their answer.
  private var crowdRange: ClosedRange<Double> {
    let ends = runs.compactMap(\.milestones.answeredSeconds).max() ?? 1
    return min(-1, -ends * 0.05)...max(ends, 1)
  }

  private var wholeRange: ClosedRange<Double> {
    let starts = runs.map(\.series.startSeconds).min() ?? 0
    let ends = runs.map { $0.series.startSeconds + Double($0.series.due.count) * $0.series.sliceSeconds }
      .max()
    return starts...max(ends ?? 1, starts + 1)
  }

  private static func milliseconds(_ value: Double) -> String {
    value >= 1_000
      ? Numbers.decimal(value / 1_000, digits: 0) + " s"
      : Numbers.decimal(value, digits: value < 0.1 ? 2 : value < 1 ? 1 : 0) + " ms"
  }

  private var latency: Chart {
    Chart(
      title: "Latency over time",
      description:
        "Latency of requests for a coupon by the second they were due, retries and failures included.",
      xLabel: "seconds since the opening", yLabel: "latency of coupon requests", scale: .logarithmic,
      lines: runs.flatMap { run in
        [line(run, "p50", dashed: true, run.series.p50Ms), line(run, "p99", run.series.p99Ms)]
      },
      xRange: crowdRange, yText: ReportCharts.milliseconds)
  }

  private var issued: Chart {
    let sold = runs.compactMap(\.milestones.soldOutSeconds).max() ?? crowdRange.upperBound
    let durable = runs.compactMap(\.milestones.durableSeconds).max() ?? sold
    return Chart(
      title: "Issued over time",
      description: "Coupons in people's hands, and rows in the database, since the opening.",
      xLabel: "seconds since the opening", yLabel: "coupons", scale: .linear,
      lines: runs.flatMap { run in
        [
          Chart.Line(
            name: "\(run.architecture) in the database", style: run.architecture, dash: .dashed,
            points: run.series.recorded.map { ($0.seconds, Double($0.count)) }, isStep: true),
          Chart.Line(
            name: "\(run.architecture) answered", style: run.architecture,
            points: [(0, 0)] + run.series.issued.map { ($0.seconds, Double($0.count)) }, isStep: true),
        ]
      },
      level: (Double(report.settings.quota), "quota"), xRange: 0...max(max(sold, durable) * 1.25, 0.5),
      yText: { Numbers.decimal($0, digits: 0) })
  }

  private var answers: Chart {
    func perSecond(_ run: RunFigures, _ counts: [Int]) -> [Double?] {
      counts.map { Double($0) / run.series.sliceSeconds }
    }
    var lines = runs.map { line($0, "answered", perSecond($0, $0.series.settled)) }
    if let first = runs.first {
      var due = line(first, "", perSecond(first, first.series.due))
      (due.name, due.style, due.dash) = ("people arriving", "due", .dashed)
      lines.insert(due, at: 0)
    }
    return Chart(
      title: "Arrivals and answers",
      description: "People who arrive and requests that are answered, a second.",
      xLabel: "seconds since the opening", yLabel: "a second", scale: .linear, lines: lines,
      xRange: crowdRange, yText: { Numbers.decimal($0, digits: 0) })
  }

  private var bystander: Chart {
    Chart(
      title: "The rest of the platform",
      description: "Latency of stays and bookings on the same database before, during and after the crowd.",
      xLabel: "seconds since the opening", yLabel: "latency of stays and bookings", scale: .logarithmic,
      lines: runs.flatMap { run in
        [
          line(run, "p50", dashed: true, run.series.bystanderP50Ms),
          line(run, "p99", run.series.bystanderP99Ms),
        ]
      },
      marks: [(0, "opening")]
        + runs.compactMap { run in
          run.milestones.answeredSeconds.map { ($0, "\(run.architecture): all answered") }
        }, xRange: wholeRange, yText: ReportCharts.milliseconds)
  }
}
