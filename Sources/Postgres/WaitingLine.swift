internal import EventLoop

/// The callers that wait for a connection, first come first served, each until its deadline.
@LoopActor
final class WaitingLine {
  typealias Continuation = UnsafeContinuation<Result<PostgresConnection, PostgresError>, Never>

  @LoopActor
  private final class Waiter {
    private var continuation: Continuation?
    var timer: LoopTimer?

    init(_ continuation: Continuation) { self.continuation = continuation }

    var isWaiting: Bool { continuation != nil }

    func resume(_ result: Result<PostgresConnection, PostgresError>) {
      let continuation = continuation
      self.continuation = nil
      timer?.cancel()
      timer = nil
      continuation?.resume(returning: result)
    }
  }

  private var waiters = Deque<Waiter>()
  /// The waiters in the line that still wait.
  private(set) var count = 0
  /// How long `waiters` may grow before those whose deadline has passed are removed.
  private let places: Int

  init(places: Int) { self.places = places }

  func append(deadline: Instant, _ continuation: Continuation) {
    if waiters.count >= places { compact() }
    let waiter = Waiter(continuation)
    waiters.append(waiter)
    count += 1
    waiter.timer = EventLoop.shared.schedule(at: deadline) { [weak self] in self?.expire(waiter) }
  }

  /// Gives the connection to the first waiter; there must be one.
  func hand(_ connection: PostgresConnection) {
    guard let waiter = next() else { preconditionFailure("no caller waits") }
    waiter.resume(.success(connection))
  }

  func failAll(_ error: PostgresError) {
    while let waiter = next() { waiter.resume(.failure(error)) }
  }

  private func expire(_ waiter: Waiter) {
    guard waiter.isWaiting else { return }
    count -= 1
    waiter.resume(.failure(.deadline))
    while let first = waiters.first, !first.isWaiting { _ = waiters.popFirst() }
  }

  private func next() -> Waiter? {
    while let waiter = waiters.popFirst() {
      guard waiter.isWaiting else { continue }
      count -= 1
      return waiter
    }
    return nil
  }

  private func compact() {
    for _ in 0..<waiters.count {
      guard let waiter = waiters.popFirst(), waiter.isWaiting else { continue }
      waiters.append(waiter)
    }
  }
}
