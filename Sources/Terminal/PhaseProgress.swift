package import EventLoop

/// The progress of one phase: a bar on a terminal that is drawn over, else a plain line every few seconds.
///
/// Nothing is shown of a phase that is over within a second.
@LoopActor
package final class PhaseProgress {
  private let phase: String
  private let begun = Instant.now
  private var fraction: Double?
  private var note = ""
  private var timer: LoopTimer?
  private var isShown = false
  private var isOver = false
  private static let interval = Duration.milliseconds(Terminal.isInteractive ? 125 : 5_000)

  package init(_ phase: String) {
    self.phase = phase
    timer = EventLoop.shared.schedule(after: .seconds(1)) { [weak self] in self?.tick() }
  }

  /// What is shown next; `fraction` is 0…1, nil where it is unknown.
  package func update(_ fraction: Double?, _ note: String = "") {
    (self.fraction, self.note) = (fraction, note)
  }

  /// Ends the phase with a word about its result.
  package func end(_ result: String = "done") {
    guard !isOver else { return }
    isOver = true
    timer?.cancel()
    (fraction, note) = (1, result)
    guard isShown || elapsed >= 1 else { return }
    show(end: "\n")
  }

  /// Leaves the line as it is: the phase did not come to its end.
  package func abandon() {
    guard !isOver else { return }
    isOver = true
    timer?.cancel()
    if isShown, Terminal.isInteractive { Terminal.write("\n") }
  }

  private var elapsed: Double { (.now - begun).milliseconds / 1_000 }

  private func tick() {
    guard !isOver else { return }
    isShown = true
    show(end: "")
    timer = EventLoop.shared.schedule(after: PhaseProgress.interval) { [weak self] in self?.tick() }
  }

  private func show(end: String) {
    let line = ProgressLine(phase: phase, fraction: fraction, elapsedSeconds: elapsed, note: note)
    if Terminal.isInteractive {
      Terminal.write("\r\u{1B}[2K" + line.drawn(width: Terminal.width) + end)
    } else {
      Terminal.line(line.plain)
    }
  }
}
