/// How a phase that takes a while is shown: the text alone, so that it can be tested without a terminal.
///
///     eda: the crowd       [████████████░░░░░░░░░░░░]  52 %  00:14  26,011 of 50,000 answered
package struct ProgressLine: Hashable, Sendable {
  package var phase: String
  /// 0…1; nil where it is unknown.
  package var fraction: Double?
  package var elapsedSeconds: Double
  package var note: String

  package init(phase: String, fraction: Double?, elapsedSeconds: Double, note: String) {
    (self.phase, self.fraction, self.elapsedSeconds, self.note) = (phase, fraction, elapsedSeconds, note)
  }

  private static let phaseWidth = 26
  private static let barWidth = 24

  /// One line for a terminal of this width.
  package func drawn(width: Int) -> String {
    let name = phase.count < ProgressLine.phaseWidth ? phase.padded(to: ProgressLine.phaseWidth) : phase + " "
    let line = "\(name)[\(bar)] \(percent)  \(clock)  \(note)"
    return String(line.prefix(max(20, width - 1)))
  }

  /// One line for a file.
  package var plain: String {
    let share = fraction == nil ? "" : " \(percent.drop { $0 == " " }),"
    return "\(phase):\(share) \(Int(elapsedSeconds)) s\(note.isEmpty ? "" : ", \(note)")"
  }

  private var bar: String {
    guard let fraction else {
      // A block that wanders while nothing can be counted.
      let at = Int(elapsedSeconds * 8) % (2 * (ProgressLine.barWidth - 3))
      let left = at < ProgressLine.barWidth - 3 ? at : 2 * (ProgressLine.barWidth - 3) - at
      return String(repeating: "░", count: left) + "███"
        + String(repeating: "░", count: ProgressLine.barWidth - 3 - left)
    }
    let full = Int((min(max(fraction, 0), 1) * Double(ProgressLine.barWidth)).rounded(.down))
    return String(repeating: "█", count: full)
      + String(repeating: "░", count: ProgressLine.barWidth - full)
  }

  private var percent: String {
    guard let fraction else { return "     " }
    return "\(Int(min(max(fraction, 0), 1) * 100)) %".padded(to: 5, right: true)
  }

  private var clock: String {
    let seconds = Int(elapsedSeconds)
    return "\(String(seconds / 60).padded(to: 2, right: true, with: "0")):"
      + String(seconds % 60).padded(to: 2, right: true, with: "0")
  }
}

extension String {
  /// At least `width` characters; `right` pushes the text to the right.
  package func padded(to width: Int, right: Bool = false, with filler: Character = " ") -> String {
    let missing = String(repeating: filler, count: max(0, width - count))
    return right ? missing + self : self + missing
  }
}
