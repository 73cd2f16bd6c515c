/// The deadline passed first. The awaited event may still happen.
package struct DeadlineExceeded: Error, Hashable, Sendable {
  package init() {}
}

/// A value that other code on the loop provides later: resolved once, awaited by at most one task.
@LoopActor
package final class Completion<Value: Sendable> {
  private enum State {
    case pending
    case awaited(UnsafeContinuation<Value, any Error>)
    case done(Result<Value, any Error>)
    case taken
  }

  private var state = State.pending
  private var timer: LoopTimer?

  package init() {}

  package var isDone: Bool {
    switch state {
    case .pending, .awaited: false
    case .done, .taken: true
    }
  }

  /// Returns false if it was resolved before: only the first call counts.
  @discardableResult
  package func succeed(_ value: Value) -> Bool { resolve(Result<Value, Never>.success(value)) }

  @discardableResult
  package func fail(_ error: any Error) -> Bool { resolve(Result<Value, any Error>.failure(error)) }

  package func value() async throws -> Value {
    switch state {
    case .done(let result):
      state = .taken
      return try result.get()
    case .pending:
      // Unsafe, because it is resolved once by construction, and a check would cost an allocation per
      // request.
      return try await withUnsafeThrowingContinuation { state = .awaited($0) }
    case .awaited, .taken:
      preconditionFailure("a completion is awaited once")
    }
  }

  /// - Throws: `DeadlineExceeded` if `deadline` passes first; a later result is ignored.
  package func value(deadline: Instant, on clock: LoopClock = .real) async throws -> Value {
    if !isDone { timer = clock.schedule(at: deadline) { self.fail(DeadlineExceeded()) } }
    return try await value()
  }

  @discardableResult
  package func resolve(_ result: Result<Value, some Error>) -> Bool {
    switch state {
    case .pending: state = .done(result.mapError { $0 })
    case .awaited(let continuation):
      state = .taken
      continuation.resume(with: result.mapError { $0 as any Error })
    case .done, .taken: return false
    }
    timer?.cancel()
    timer = nil
    return true
  }
}

/// An answer that is available now or later. An answer that is available now needs no task.
package enum Reply<Value: Sendable>: Sendable {
  case now(Value)
  case later(@Sendable @LoopActor () async -> Value)

  @LoopActor package func value() async -> Value {
    switch self {
    case .now(let value): value
    case .later(let work): await work()
    }
  }
}
