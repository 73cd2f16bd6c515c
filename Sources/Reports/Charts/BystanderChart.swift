import Figures
import Terminal

extension TrialCharts {
  /// Good answers are the lines, which end where there are none; what failed is below.
  var bystander: Chart {
    let lines = trials.flatMap { trial -> [Chart.Line] in
      // A slice in which nobody asked is left out, and no gap.
      let asked = trial.series.bystanderFailed.indices.filter { trial.series.bystanderFailed[$0] != nil }
      func line(_ name: String, dashed: Bool = false, _ values: [Double?]) -> Chart.Line {
        var line = self.line(trial, name, dashed: dashed, values)
        let points = line.points
        line.points = asked.map { points[$0] }
        return line
      }
      let p99 = line(isDetailed ? "p99" : "", trial.series.bystanderP99Ms)
      return isDetailed ? [line("p50", dashed: true, trial.series.bystanderP50Ms), p99] : [p99]
    }
    var marks = marks
    for trial in trials where isDetailed {
      guard let answered = trial.figures.metrics["answered_s"] else { continue }
      marks.append((answered, "\(trial.name): all answered"))
    }
    return Chart(
      title: "The rest of the platform",
      description: isDetailed
        ? "Latency of stays and bookings that were answered well, before, during and after the crowd, and below it the share "
          + "that failed."
        : "99th percentile of the latency of stays and bookings that were answered well, and below it the share that was "
          + "not, first round.",
      yLabel: "\(isDetailed ? "latency" : "p99") of stays and bookings, good answers", scale: .logarithmic,
      lines: lines, marks: marks,
      stripLabel: "share of stays and bookings that failed",
      strips: trials.map { strip($0, $0.series.bystanderFailed) }, xRange: wholeRange,
      yText: { isDetailed ? TrialCharts.milliseconds($0) : Numbers.duration(milliseconds: $0) })
  }
}
