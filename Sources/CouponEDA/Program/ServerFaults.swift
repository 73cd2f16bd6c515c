import EventLoop
import Kafka
import Operations
import Redis

/// Puts what the board says of Redis into the words of the Redis module.
@LoopActor
final class RedisFaults: RedisFault {
  private let board: FaultBoard

  init(_ board: FaultBoard, _ client: RedisClient) {
    self.board = board
    board.onChange(.redis) { [weak client] spec in
      if spec?.kind == .outage { client?.sever() }
    }
  }

  func action(for use: RedisUse) -> RedisFaultAction {
    switch board.effect(.redis) {
    case .none: .proceed
    case .refuse: .refuse
    case .silence: .hang
    case .delay(let wait): .delay(wait)
    case .loseAnswer: .loseAnswer
    }
  }
}

/// Puts what the board says of Kafka between the Kafka module and its brokers. librdkafka owns its sockets: the switch acts
/// around produce and consume.
@LoopActor
final class KafkaFaults: CallSeam {
  private let board: FaultBoard
  /// How soon a reader that is kept from reading asks again.
  private static let pause = Duration.milliseconds(100)

  init(_ board: FaultBoard) { self.board = board }

  let isClear = false

  func begin(_ use: ServerUse, deadline: Instant, _ go: @escaping @LoopActor (CallPermit) -> Void) {
    switch board.effect(.kafka) {
    case .none: go(.proceed)
    case .delay(let wait): EventLoop.shared.schedule(after: wait) { go(.proceed) }
    case .refuse: use == .receive ? again(use, deadline, go) : go(.refused("refused by a fault switch"))
    case .silence, .loseAnswer: use == .receive ? again(use, deadline, go) : go(.proceedUnanswered)
    }
  }

  private func again(
    _ use: ServerUse, _ deadline: Instant, _ go: @escaping @LoopActor (CallPermit) -> Void
  ) {
    EventLoop.shared.schedule(after: Self.pause) { self.begin(use, deadline: deadline, go) }
  }

  func opened(_ connection: any Severable) {}
}
