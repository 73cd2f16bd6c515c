import EventLoop

/// The resource usage of this process as metrics, read when they are rendered.
package enum ProcessFigures {
  @LoopActor package static func register(in metrics: Metrics) {
    metrics.counter("process_cpu_seconds_total", help: "User and system CPU time, in seconds.") {
      ProcessUsage.cpuSeconds
    }
    metrics.gauge("process_resident_memory_bytes", help: "Resident memory, in bytes.") {
      Double(ProcessUsage.residentBytes)
    }
    metrics.gauge("process_open_fds", help: "Open file descriptors.") {
      Double(ProcessUsage.openDescriptors)
    }
    metrics.gauge("loop_longest_turn_seconds", help: "The longest turn of the loop since the start.") {
      EventLoop.shared.turns.longestMilliseconds / 1_000
    }
    metrics.counter(
      "loop_long_turns_total",
      help:
        "Turns of the loop of more than \(TurnFigures.longMilliseconds) ms: whoever arrived meanwhile waited."
    ) {
      Double(EventLoop.shared.turns.long)
    }
  }
}
