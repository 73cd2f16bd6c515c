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
      let slowest = line(isDetailed ? "slowest" : "", trial.series.bystanderMaxMs)
      return isDetailed ? [line("mean", dashed: true, trial.series.bystanderMeanMs), slowest] : [slowest]
    }
    var marks = opening
    for trial in trials where isDetailed {
      guard let answered = trial.metrics["answered_s"] else { continue }
      marks.append((answered, "\(trial.name): all answered"))
    }
    return Chart(
      title: isDetailed ? "The rest of the platform" : "The rest of the platform over time",
      description: isDetailed
        ? "Latency of stays and bookings that were answered well, before, during and after the crowd, and below it the share "
          + "that failed."
        : "The slowest of the good answers to stays and bookings at each time, and below it the share that failed, first "
          + "round.",
      yLabel: isDetailed
        ? "latency of stays and bookings, good answers" : "slowest good answer to stays and bookings",
      scale: .logarithmic, lines: lines, shades: shades, runs: trials.count, marks: marks,
      stripLabel: "share of stays and bookings that failed",
      strips: trials.map { strip($0, $0.series.bystanderFailed) }, xRange: wholeRange,
      yText: { isDetailed ? TrialCharts.milliseconds($0) : Numbers.duration(milliseconds: $0) })
  }
}
