internal import EventLoop

/// Asks a reader's seam, once in each turn of events, whether reading may go on; until it may, the events stay in the
/// library's queue.
@LoopActor
final class ReadPermit {
  var seam: (any CallSeam)?
  /// Called when the seam says that the broker is away. A delay says nothing of the kind.
  var onShut: @LoopActor () -> Void = {}
  private var isAdmitted = false
  private var isAsking = false
  private var isOpen = false

  /// How soon a seam that has said no is asked again.
  private static let pause = Duration.milliseconds(100)

  /// Whether the next event may be taken now. If not, `pump` is held until it may.
  func admits(_ pump: EventPump?) -> Bool {
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

  /// The turn is over: the next one asks again.
  func turned() { isAdmitted = false }

  /// Asks nobody any more: the reader ends.
  func open(_ pump: EventPump?) {
    isOpen = true
    pump?.release(.shut)
  }
}
