import Figures

extension TrialCharts {
  var latency: Chart {
    Chart(
      title: "Latency over time",
      description:
        "\(isDetailed ? "Mean and slowest" : "Slowest") of the good answers to requests for a coupon by the time they "
        + "were due, retries included; below it the share of the requests that failed.",
      yLabel: "latency of coupon requests, good answers",
      scale: .logarithmic,
      lines: trials.flatMap { trial -> [Chart.Line] in
        let slowest = line(trial, "slowest", trial.series.maxMs)
        return isDetailed ? [line(trial, "mean", dashed: true, trial.series.meanMs), slowest] : [slowest]
      },
      shades: shades, runs: trials.count, stripLabel: "share of coupon requests that failed",
      strips: trials.map { strip($0, $0.series.failed) },
      xRange: crowdRange, yText: TrialCharts.milliseconds)
  }
}
