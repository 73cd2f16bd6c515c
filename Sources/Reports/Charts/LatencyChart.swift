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
        let p99 = line(trial, "p99", trial.series.p99Ms)
        return isDetailed ? [line(trial, "p50", dashed: true, trial.series.p50Ms), p99] : [p99]
      },
      stripLabel: "share of coupon requests that failed", strips: trials.map { strip($0, $0.series.failed) },
      xRange: crowdRange, yText: TrialCharts.milliseconds)
  }
}
