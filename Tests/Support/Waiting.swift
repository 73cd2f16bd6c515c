package import EventLoop
package import Postgres

/// A value that a test needs is not there, or what it waits for did not come in time.
package struct TestFailure: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

/// Starts work on the loop and returns at once; `value()` waits for its result.
@LoopActor
package func start<T: Sendable>(_ work: @escaping @Sendable @LoopActor () async throws -> T) -> Completion<T>
{
  let completion = Completion<T>()
  EventLoop.shared.spawn {
    do { completion.succeed(try await work()) } catch { completion.fail(error) }
  }
  return completion
}

/// Looks again each few milliseconds until the condition holds.
///
/// - Throws: `TestFailure` where it does not within the limit.
@LoopActor
package func until(
  within limit: Duration = .seconds(20), _ condition: @LoopActor () async throws -> Bool,
  file: StaticString = #fileID, line: UInt = #line
) async throws {
  let deadline = Instant.now + limit
  while try await !condition() {
    guard Instant.now < deadline else { throw TestFailure("never true: the condition of \(file):\(line)") }
    await EventLoop.shared.sleep(for: .milliseconds(2))
  }
}

extension PostgresPool {
  /// Repeats a question until its answer is true, for at most 20 s.
  package func until(_ sql: String) async throws {
    let deadline = Instant.now + .seconds(20)
    while try await query(PostgresStatement(sql), deadline: deadline).bool(0, 0) != true {
      guard Instant.now < deadline else { throw TestFailure("never true: \(sql)") }
      await EventLoop.shared.sleep(for: .milliseconds(5))
    }
  }
}
