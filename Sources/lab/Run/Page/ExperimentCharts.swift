import Terminal

/// The charts of an experiment, each a file of its own that follows the reader's light or dark scheme.
package struct ExperimentCharts {
  let result: ExperimentResult
  let series: [ChartedRun]

  package init(result: ExperimentResult, series: [ChartedRun]) {
    (self.result, self.series) = (result, series)
  }

  /// Every chart that there may be.
  static let names = ["coupons.svg", "bystander.svg", "figures.svg"]

  package var all: [(name: String, svg: String)] {
    var all: [(String, String)] = []
    // More lines than there are dashes cannot be told apart.
    if !series.isEmpty, series.count <= Chart.Dash.allCases.count {
      all.append((ExperimentCharts.names[0], StandaloneSVG.wrap(issued.svg(id: "coupons"))))
      all.append((ExperimentCharts.names[1], StandaloneSVG.wrap(bystander.svg(id: "bystander"))))
    }
    let bars = BarChart(result)
    if !bars.isEmpty { all.append((ExperimentCharts.names[2], StandaloneSVG.wrap(bars.svg))) }
    return all
  }

  private var marks: [(x: Double, name: String)] {
    guard let fault = series.compactMap(\.fault).first else { return [(0, "opening")] }
    return [(0, "opening"), (fault.from, "fault"), (fault.to, "healed")]
  }

  private var range: ClosedRange<Double> {
    let end =
      series.map { $0.series.startSeconds + Double($0.series.due.count) * $0.series.sliceSeconds }.max() ?? 1
    return min(-1, series.map(\.series.startSeconds).max() ?? -1)...max(end, 1)
  }

  /// The first variant of an architecture has a solid line, each further one another.
  private func dash(_ index: Int) -> Chart.Dash {
    let before = series[..<index].count { $0.architecture == series[index].architecture }
    return Chart.Dash.allCases[before % Chart.Dash.allCases.count]
  }

  private var issued: Chart {
    Chart(
      title: "Coupons", description: "Coupons in people's hands since the opening, first round.",
      xLabel: "seconds since the opening", yLabel: "coupons", scale: .linear,
      lines: series.indices.map { index in
        Chart.Line(
          name: series[index].name, style: series[index].architecture, dash: dash(index),
          points: [(0, 0)] + series[index].series.issued.map { ($0.seconds, Double($0.count)) }, isStep: true)
      }, marks: marks, xRange: range, yText: { Numbers.decimal($0, digits: 0) })
  }

  /// Good answers are the lines, which end where there are none; what failed is below.
  private var bystander: Chart {
    Chart(
      title: "The rest of the platform",
      description: "99th percentile of the latency of stays and bookings that were answered well, and below "
        + "it the share that was not, first round.",
      xLabel: "seconds since the opening", yLabel: "p99 of stays and bookings, good answers",
      scale: .logarithmic,
      lines: series.indices.map { index in
        let run = series[index]
        return Chart.Line(
          name: run.name, style: run.architecture, dash: dash(index),
          points: run.bystander.enumerated().filter { $1.failed != nil }.map {
            (run.middle(of: $0), $1.p99Ms)
          })
      }, marks: marks, stripLabel: "share of stays and bookings that failed",
      strips: series.indices.map { index in
        let run = series[index]
        return Chart.Strip(
          name: run.name, style: run.architecture, dash: dash(index),
          parts: run.bystander.enumerated().map { slice, figures in
            (run.start(of: slice), run.start(of: slice + 1), figures.failed ?? 0)
          })
      }, xRange: range, yText: { Numbers.duration(milliseconds: $0) })
  }
}

/// An SVG element as a file of its own, with its colours.
enum StandaloneSVG {
  static func wrap(_ svg: String) -> String {
    guard let end = svg.firstIndex(of: ">") else { return svg }
    let head = svg[..<end].replacing(
      "<svg ", with: #"<svg xmlns="http://www.w3.org/2000/svg" "#, maxReplacements: 1)
    return head + ">\n<style>" + style + "</style>\n"
      + #"<rect width="100%" height="100%" rx="10" class="panel"/>"# + svg[svg.index(after: end)...] + "\n"
  }

  private static let style = """

    svg { --ink:#1b1f24; --soft:#59636e; --panel:#f6f8fa; --rule:#d9dee4; --monolith:#b35900; --eda:#0a66c2;
      --good:#2da44e; --fair:#d4a72c; --bad:#cf222e; font-family:system-ui,-apple-system,"Segoe UI",sans-serif; }
    @media (prefers-color-scheme: dark) { svg { --ink:#e6edf3; --soft:#9aa5b1; --panel:#171c23; --rule:#30373f;
      --monolith:#ffab57; --eda:#6cb6ff; --good:#238636; --fair:#9e6a03; --bad:#b62324; } }
    .panel { fill:var(--panel); } text { fill:var(--soft); font-size:11px; } text.strong { fill:var(--ink); }
    path { fill:none; stroke-width:2; stroke-linejoin:round; stroke-linecap:round; }
    path.grid { stroke:var(--rule); stroke-width:1; }
    path.level, path.mark { stroke:var(--soft); stroke-width:1; stroke-dasharray:2 4; }
    path.monolith { stroke:var(--monolith); } path.eda { stroke:var(--eda); } path.due { stroke:var(--soft); }
    path.dashed { stroke-dasharray:5 5; stroke-width:1.6; } path.dotted { stroke-dasharray:1 5; }
    path.broken { stroke-dasharray:12 4 1 4; stroke-width:1.6; } path.spread { stroke:var(--ink); stroke-width:1.2; }
    rect.monolith { fill:var(--monolith); } rect.eda { fill:var(--eda); }
    rect.good { fill:var(--good); } rect.fair { fill:var(--fair); } rect.bad { fill:var(--bad); }
    rect.none { fill:var(--rule); } rect.gap { fill:none; stroke:var(--bad); stroke-dasharray:3 3; } text.cell { fill:#fff; font-weight:600; }

    """
}
