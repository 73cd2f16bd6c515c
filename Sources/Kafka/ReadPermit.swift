package import EventLoop

/// Asks a reader's seam whether reading may go on, once until the library's queue is empty, or for a few turns of events;
/// until it may, the events stay in the queue.
@LoopActor
package final class ReadPermit {
  package var seam: (any CallSeam)?
  /// Called when the seam says that the broker is away. A delay says nothing of the kind.
  var onShut: @LoopActor () -> Void = {}
  private var isAdmitted = false
  private var isAsking = false
  private var isOpen = false
  private var turns = 0
  private static let turnsOfAPermit = 4

  /// How soon a seam that has said no is asked again.
  private static let pause = Duration.milliseconds(100)

  package init() {}

  /// Whether the next event may be taken now. If not, `pump` is held until it may.
  package func admits(_ pump: EventPump?) -> Bool {
    guard let seam, !isOpen, !isAdmitted, isAsking || !seam.isClear else { return true }
    guard !isAsking else { return false }
    isAsking = true
    seam.begin(.receive, deadline: .distantFuture) { [weak self, weak pump] permit in
      self?.answered(permit, pump)
    }
    if isAdmitted { return true }
    pump?.hold(.shut)
    return false
  }

  private func answered(_ permit: CallPermit, _ pump: EventPump?) {
    isAsking = false
    switch permit {
    case .proceed, .proceedUnanswered:
      isAdmitted = true
      pump?.release(.shut)
    case .refused, .silent:
      onShut()
      EventLoop.shared.schedule(after: Self.pause) { [weak pump] in pump?.release(.shut) }
    }
  }

  /// A turn is over. The next one asks again where nothing was left, or after a few: a delay is one of each reading, not of
  /// each millisecond of it.
  package func turned(isDrained: Bool) {
    turns = isDrained ? 0 : turns + 1
    guard isDrained || turns == Self.turnsOfAPermit else { return }
    turns = 0
    isAdmitted = false
  }

  /// Asks nobody any more: the reader ends.
  func open(_ pump: EventPump?) {
    isOpen = true
    pump?.release(.shut)
  }
}
