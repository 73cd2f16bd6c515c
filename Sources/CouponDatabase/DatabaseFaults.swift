package import EventLoop
package import Operations
package import Postgres

/// Puts what the board says of the database into the words of the Postgres module.
@LoopActor
package final class DatabaseFaults: PostgresFault {
  private struct Weak { weak var connection: (any PostgresSeverable)? }

  private let board: FaultBoard
  private var connections: [Weak] = []

  package init(_ board: FaultBoard) {
    self.board = board
    board.onChange(.database) { [weak self] spec in
      if spec?.kind == .outage { self?.severAll() }
    }
  }

  package func action(for use: PostgresUse) -> PostgresFaultAction {
    switch board.effect(.database) {
    case .none: .proceed
    case .refuse: .refuse
    case .silence: .hang
    case .delay(let wait): .delay(wait)
    case .loseAnswer: .loseAnswer
    }
  }

  package var hangs: Bool { board.current(.database, now: .now).spec?.kind == .hang }

  package func opened(_ connection: any PostgresSeverable) {
    connections.removeAll { $0.connection == nil }
    connections.append(Weak(connection: connection))
  }

  private func severAll() {
    let existing = connections
    connections = []
    for weak in existing { weak.connection?.sever() }
  }
}
