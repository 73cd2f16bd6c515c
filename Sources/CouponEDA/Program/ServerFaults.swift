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

extension FaultBoard {
  /// What the board says of Kafka in the words of the Kafka module. librdkafka owns its sockets: the switch acts around
  /// produce and consume.
  @LoopActor
  var kafkaHook: KafkaFaultHook {
    { [self] _ in
      switch effect(.kafka) {
      case .none: nil
      case .refuse: .fail("refused by a fault switch")
      case .silence, .loseAnswer: .hang
      case .delay(let wait): .delay(wait)
      }
    }
  }
}
