internal import EventLoop

/// Asks a reader's seam, once in each turn of events, whether reading may go on; until it may, the events stay in the
/// library's queue.
@LoopActor
final class ReadingGate {
  var seam: (any CallSeam)?
  /// Called when the seam keeps the reader from its broker, and not just for a moment.
  var onShut: @LoopActor () -> Void = {}
  private var isAdmitted = false
  private var isAsking = false
  private var isOpen = false
  private var timer: LoopTimer?

  /// How soon a seam that has said no is asked again.
  private static let pause = Duration.milliseconds(100)
  /// A seam that takes longer than this is no delay any more: the broker counts as away.
  private static let patience = Duration.seconds(1)
  /// Reading has no deadline; a moment that does not come.
  private static let never = Duration.seconds(100 * 365 * 86_400)

  /// Whether the next event may be taken now. If not, `pump` is held until it may.
  func admits(_ pump: EventPump?) -> Bool {
    guard let seam, !isOpen, !isAdmitted, isAsking || !seam.isClear else { return true }
    guard !isAsking else { return false }
    isAsking = true
    seam.begin(.receive, deadline: .now + Self.never) { [weak self, weak pump] permit in
      self?.answered(permit, pump)
    }
    if isAdmitted { return true }
    pump?.hold(.shut)
    if isAsking { timer = EventLoop.shared.schedule(after: Self.patience) { [weak self] in self?.onShut() } }
    return false
  }

  private func answered(_ permit: CallPermit, _ pump: EventPump?) {
    isAsking = false
    timer?.cancel()
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
    timer?.cancel()
    pump?.release(.shut)
  }
}
