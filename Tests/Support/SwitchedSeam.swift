package import EventLoop

/// Stands between a wire module and its server and does with each use what a test says.
@LoopActor
package final class SwitchedSeam: CallSeam {
  package enum Action {
    case now(CallPermit)
    case delay(Duration)
    case hang
  }

  package var action = Action.now(.proceed)
  package let isClear = false
  private var connections: [any Severable] = []
  package nonisolated init() {}

  package func begin(
    _ use: ServerUse, deadline: Instant, _ go: @escaping @LoopActor (CallPermit) -> Void
  ) {
    switch action {
    case .now(let permit): go(permit)
    case .delay(let wait): EventLoop.shared.schedule(at: min(.now + wait, deadline)) { go(.proceed) }
    case .hang: EventLoop.shared.schedule(at: deadline) { go(.silent) }
    }
  }

  package func opened(_ connection: any Severable) { connections.append(connection) }

  /// Cuts the connections that exist.
  package func sever() {
    for connection in connections { connection.sever() }
    connections = []
  }
}
