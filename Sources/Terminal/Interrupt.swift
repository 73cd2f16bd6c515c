package import EventLoop
import Foundation

/// The user wants it to end (Ctrl-C, SIGTERM, or the terminal or the reader of the output is gone).
package struct Interrupted: Error, Hashable, Sendable {
  package init() {}
}

/// Turns signals into an error at the next step, so that what was started is stopped by whoever started it.
///
/// A second signal means the same as the first: stopping goes on, it is bounded.
@LoopActor
package final class Interrupt {
  package private(set) var hasCome = false
  private var watches: [SignalWatch] = []
  private var actions: [@LoopActor () -> Void] = []

  private static var waiting: [Interrupt] = []

  package init() {
    Interrupt.waiting.append(self)
    watches = [SIGINT, SIGTERM, SIGHUP].map { number in
      EventLoop.shared.onSignal(number) { [weak self] in self?.come() }
    }
    if Terminal.readerIsGone { come() }
  }

  /// - Throws: `Interrupted`.
  package func check() throws { if hasCome { throw Interrupted() } }

  /// Runs at the first signal: what a wait of one's own needs to end early.
  package func onCome(_ action: @escaping @LoopActor () -> Void) {
    if hasCome { action() } else { actions.append(action) }
  }

  /// As by a signal, whoever waits for one.
  static func comeToAll() { for interrupt in waiting { interrupt.come() } }

  package func end() {
    Interrupt.waiting.removeAll { $0 === self }
    for watch in watches { watch.stop() }
    watches = []
    actions = []
  }

  private func come() {
    guard !hasCome else { return }
    hasCome = true
    for action in actions { action() }
    actions = []
  }
}
