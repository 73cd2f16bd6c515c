package import EventLoop

/// Applies the board's switch to the uses of one server: the adapter between a board and a wire module.
///
///                         connect                call                                        receive
///     outage              refused                refused; existing connections are cut       refused
///     hang    database    waits, or silent       waits until healed, silent at the deadline
///             redis       silent at the deadline, healed or not
///             kafka                              sent at once, unanswered                    silent
///     latency             later, at the latest at the deadline, for the caller to notice
///     flaky               refused                refused, or sent and unanswered             refused, or silent
@LoopActor
package final class SwitchedServer: CallSeam {
  private struct Weak { weak var connection: (any Severable)? }

  private struct Waiting {
    let timer: LoopTimer
    let go: @LoopActor (CallPermit) -> Void
  }

  package private(set) var isClear = true
  private let board: FaultBoard
  private let target: FaultTarget
  private var connections: [Weak] = []
  /// Uses that continue as soon as the hang ends, in the order in which they arrived.
  private var waiting: [Waiting] = []

  package init(_ board: FaultBoard, _ target: FaultTarget) {
    (self.board, self.target) = (board, target)
    isClear = board.current(target, now: .now).spec == nil
    // The board keeps its servers, and they it, as long as the program runs: every use of a server counts references to
    // this object, which takes the long way for what is held weakly.
    board.onChange(target) { spec in self.changed(to: spec) }
  }

  package func begin(_ use: ServerUse, deadline: Instant, _ go: @escaping @LoopActor (CallPermit) -> Void) {
    switch (board.effect(target), use) {
    case (.now(.proceed), _): go(.proceed)
    case (.hang, .receive), (.now(.proceedUnanswered), .receive): go(.silent)
    case (.now(.proceedUnanswered), .connect): go(.refused("the connection was lost by a fault switch"))
    case (.now(let permit), _): go(permit)
    case (.delay(let wait), _): EventLoop.shared.schedule(at: min(.now + wait, deadline)) { go(.proceed) }
    case (.hang, _): hang(until: deadline, go)
    }
  }

  private func hang(until deadline: Instant, _ go: @escaping @LoopActor (CallPermit) -> Void) {
    switch target {
    case .kafka: go(.proceedUnanswered)
    case .coupons: preconditionFailure("no server")
    case .redis: EventLoop.shared.schedule(at: deadline) { go(.silent) }
    case .database:
      // The timer removes expired uses from those that wait.
      let timer = EventLoop.shared.schedule(at: deadline) { [self] in
        waiting.removeAll { !$0.timer.isPending }
        go(.silent)
      }
      waiting.append(Waiting(timer: timer, go: go))
    }
  }

  package func opened(_ connection: any Severable) {
    connections.removeAll { $0.connection == nil }
    connections.append(Weak(connection: connection))
  }

  private func changed(to spec: FaultSpec?) {
    isClear = spec == nil
    if spec?.kind == .outage { severAll() }
    if spec?.kind != .hang { goOn() }
  }

  private func severAll() {
    let existing = connections
    connections = []
    for weak in existing { weak.connection?.sever() }
  }

  private func goOn() {
    let healed = waiting
    waiting = []
    for use in healed where use.timer.isPending {
      use.timer.cancel()
      use.go(.proceed)
    }
  }
}
