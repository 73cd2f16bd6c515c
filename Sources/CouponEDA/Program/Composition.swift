import EventLoop

/// A failure that ends the program, and the part that can end it: either may come first.
@LoopActor
final class Ending {
  private var reason: String?
  private var handler: (@LoopActor (String) -> Void)?

  func fail(_ reason: String) {
    guard self.reason == nil else { return }
    self.reason = reason
    handler?(reason)
  }

  func whenFailed(_ handler: @escaping @LoopActor (String) -> Void) {
    self.handler = handler
    if let reason { handler(reason) }
  }
}
