/// Isolates everything that lives on the loop's thread; the compiler checks each access.
@globalActor
package actor LoopActor {
  package static let shared = LoopActor()

  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    EventLoop.shared.asUnownedSerialExecutor()
  }

  /// For callbacks from C that run on the loop's thread; traps on any other.
  package nonisolated static func assumeIsolated<T>(_ body: @LoopActor () throws -> T) rethrows -> T {
    precondition(EventLoop.shared.isCurrent, "called off the loop's thread")
    // The same function without the isolation that the check above has just verified.
    return try withoutActuallyEscaping(body) { isolated in
      try unsafeBitCast(isolated, to: (() throws -> T).self)()
    }
  }
}

/// Runs `body` on the loop and waits for it on another thread; starts the loop on a separate thread if none
/// runs.
///
/// For tests, whose thread belongs to the test runner.
package func onLoop<T: Sendable>(_ body: @escaping @Sendable @LoopActor () async throws -> T) async throws
  -> T
{
  EventLoop.shared.startOnOwnThread()
  return try await Task(executorPreference: EventLoop.shared) { @Sendable @LoopActor in try await body() }
    .value
}
