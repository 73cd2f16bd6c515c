internal import EventLoop
internal import Synchronization

/// Runs calls that block (a question to a broker, the end of a client) one after the other, never on the loop but on a
/// thread that lives only while there are any.
final class BlockingCalls: Sendable {
  private struct State {
    var waiting: [@Sendable () -> Void] = []
    var isRunning = false
  }

  private let state = Mutex(State())

  /// Runs `call` after the calls before it.
  func run(_ call: @escaping @Sendable () -> Void) {
    let mustStart = state.withLock { state in
      state.waiting.append(call)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if mustStart { Platform.startThread(named: "kafka-calls") { self.drain() } }
  }

  private func drain() {
    while let call = next() { call() }
  }

  private func next() -> (@Sendable () -> Void)? {
    state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.isRunning = false
        return nil
      }
      return state.waiting.removeFirst()
    }
  }
}
