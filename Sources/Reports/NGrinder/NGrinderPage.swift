import History
import Terminal

/// `ngrinder.html`: one file that needs no network, in the reader's light or dark scheme.
package struct NGrinderPage {
  private let report: NGrinderReport

  package init(_ report: NGrinderReport) { self.report = report }

  package var html: String {
    HTMLPage.wrap(
      title: "TimeAttack: two nGrinder tests side by side",
      """
      <header>
      <p class="kicker">TimeAttack</p>
      <h1>Two nGrinder tests side by side</h1>
      <p>\(report.runs.map { "\($0.architecture.rawValue): <code>\($0.csv.name.escaped)</code>" }.joined(separator: ", ")).
      \(outage)</p>
      <p class="warning" role="note">nGrinder is a closed loop: a Vuser asks again only when it has its answer. While a
      server is slow fewer people come, so the mean time leaves out the waiting of those who would have come. Calls that
      failed are in neither the TPS nor the mean time. <code>lab load</code> keeps to a schedule and shows the rest.</p>
      </header>
      <section><h2>Side by side</h2>
      \(report.table.html)</section>
      \(HTMLPage.charts(charts))
      \(parts)
      """)
  }

  private var outage: String {
    let parts = report.runs.compactMap { run in
      run.outage.map { outage in
        let (from, to) = (outage.lowerBound, outage.upperBound)
        let seconds = "second \(Numbers.decimal(from, digits: 0)) to \(Numbers.decimal(to, digits: 0))"
        return (seconds, run.architecture.rawValue)
      }
    }
    guard let first = parts.first else { return "" }
    if parts.count > 1, parts.allSatisfy({ $0.0 == first.0 }) {
      return "The database was switched off from \(first.0), in both."
    }
    let each = parts.map { "from \($0.0) (\($0.1))" }.joined(separator: " and ")
    return "The database was switched off \(each)."
  }

  private var parts: String {
    report.parts.map {
      "<section><h2>Test by test: good calls, and their mean time</h2>\n\($0.html)</section>"
    } ?? ""
  }

  private var charts: [Chart] {
    [
      chart("TPS", "Good calls a second.", "calls a second", { Numbers.decimal($0, digits: 0) }) { $0.tps },
      chart(
        "Mean time", "Mean time of the good calls of each second; a gap where there was none.", "mean time",
        { Numbers.duration(milliseconds: $0) }
      ) { $0.meanMs },
      chart("Errors", "Calls that failed, a second.", "errors", { Numbers.decimal($0, digits: 0) }) {
        $0.errors / $0.seconds
      },
      chart("Vusers", "Virtual users at work.", "Vusers", { Numbers.decimal($0, digits: 0) }) { $0.vusers },
    ]
  }

  private func chart(
    _ title: String, _ description: String, _ unit: String, _ text: @escaping (Double) -> String,
    _ value: (NGrinderCSV.Sample) -> Double?
  ) -> Chart {
    Chart(
      title: title, description: description, xLabel: "seconds since the test's first sample", yLabel: unit,
      scale: .linear,
      lines: report.runs.map { run in
        Chart.Line(
          name: run.architecture.rawValue, style: run.architecture.rawValue,
          points: run.csv.samples.map { ($0.second, value($0)) })
      },
      shades: report.runs.compactMap { run in
        run.outage.map {
          Chart.Shade(
            from: $0.lowerBound, to: $0.upperBound, name: "database outage", run: run.architecture.rawValue)
        }
      }, runs: report.runs.count, xRange: 0...max(report.runs.map(\.seconds).max() ?? 1, 1), yText: text)
  }
}
