package import EventLoop
import Foundation

/// The command is to end: Ctrl-C, SIGTERM, or the terminal or the reader of the output is gone.
package struct Interrupted: Error, Hashable, Sendable {
  package init() {}
}

/// Turns signals into an error at the next step, so that each caller stops what it has started.
///
/// A second signal means the same as the first: stopping goes on, it is bounded.
@LoopActor
package final class Interrupt {
  package private(set) var hasCome = false
  private var watches: [SignalWatch] = []
  private var actions: [@LoopActor () -> Void] = []

  /// This process's; signals are watched for from its first use on.
  package static let shared = Interrupt()

  private init() {
    watches = [SIGINT, SIGTERM, SIGHUP].map { number in
      EventLoop.shared.onSignal(number) { [weak self] in self?.come() }
    }
    if Terminal.readerIsGone { come() }
  }

  /// - Throws: `Interrupted`.
  package func check() throws { if hasCome { throw Interrupted() } }

  /// Runs at the first signal, to end a wait early.
  package func onCome(_ action: @escaping @LoopActor () -> Void) {
    if hasCome { action() } else { actions.append(action) }
  }

  /// As by a signal.
  func come() {
    guard !hasCome else { return }
    hasCome = true
    for action in actions { action() }
    actions = []
  }
}
