import Figures

extension TrialCharts {
  var latency: Chart {
    Chart(
      title: "Latency over time",
      description:
        "Latency of good answers to requests for a coupon by the second they were due, retries included; below it "
        + "the share of the requests that failed.",
      yLabel: "latency of coupon requests, good answers",
      scale: .logarithmic,
      lines: trials.flatMap { trial in
        [line(trial, "p50", dashed: true, trial.series.p50Ms), line(trial, "p99", trial.series.p99Ms)]
      },
      stripLabel: "share of coupon requests that failed", strips: trials.map { strip($0, $0.series.failed) },
      xRange: crowdRange, yText: TrialCharts.milliseconds)
  }
}
