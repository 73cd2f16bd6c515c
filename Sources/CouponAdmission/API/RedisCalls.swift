package import EventLoop
package import Redis

/// What the admission asks of Redis: `RedisAccess`, or a Redis that is simulated.
@LoopActor
package protocol RedisCalls: AnyObject {
  var isConnected: Bool { get }
  /// How many connections there have been: a `WATCH` is of one of them.
  var connects: Int { get }

  func start()
  func close()

  /// MULTI, the commands, EXEC. `completion` is called once.
  func transaction(
    deadline: Instant, write: (inout RedisWriter) -> Void, completion: @escaping RedisClient.Handler)
  /// One command. `completion` is called once.
  func command(
    deadline: Instant, write: (inout RedisWriter) -> Void, completion: @escaping RedisClient.Handler)
  /// Several commands in one write, each on its own; they share a key, and may be said twice. - Throws: `RedisError`.
  func commands(_ commands: [[String]], deadline: Instant) async throws -> [RedisReply]
}

extension RedisCalls {
  /// One command. - Throws: `RedisError`.
  func command(_ arguments: [String], deadline: Instant) async throws -> RedisReply {
    try await commands([arguments], deadline: deadline)[0]
  }

  /// MULTI, the commands, EXEC; the replies that EXEC gave, none of them an error. - Throws: `RedisError`.
  func transaction(_ commands: [[String]], deadline: Instant) async throws -> [RedisReply] {
    let answer = Completion<[RedisReply]>()
    transaction(
      deadline: deadline, write: { for command in commands { $0.command(command) } },
      completion: { answer.resolve($0) })
    return try await answer.value()
  }
}

extension RedisAccess: RedisCalls {
  package var connects: Int { statistics.connects }
}
