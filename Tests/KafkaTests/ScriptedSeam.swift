import EventLoop

/// Answers the uses of a broker one after the other as it was told, and is clear afterwards.
@LoopActor
final class ScriptedSeam: CallSeam {
  enum Answer: Sendable {
    case now(CallPermit)
    case after(Duration, CallPermit)
    /// Until `answer`.
    case never
  }

  private(set) var uses: [ServerUse] = []
  private(set) var deadlines: [Instant] = []
  private(set) var pending: (@LoopActor (CallPermit) -> Void)?
  private var script: [Answer]

  init(_ script: [Answer]) { self.script = script }

  var isClear: Bool { script.isEmpty }

  func begin(_ use: ServerUse, deadline: Instant, _ go: @escaping @LoopActor (CallPermit) -> Void) {
    uses.append(use)
    deadlines.append(deadline)
    switch script.removeFirst() {
    case .now(let permit): go(permit)
    case .after(let wait, let permit): EventLoop.shared.schedule(after: wait) { go(permit) }
    case .never: pending = go
    }
  }

  func answer(_ permit: CallPermit) {
    pending?(permit)
    pending = nil
  }

  func opened(_ connection: any Severable) {}
}
