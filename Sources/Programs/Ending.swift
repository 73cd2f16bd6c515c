package import EventLoop

/// A failure that ends the program, and the part that can end it: either may come first.
@LoopActor
package final class Ending {
  private var reason: String?
  private var handler: (@LoopActor (String) -> Void)?

  package init() {}

  package func fail(_ reason: String) {
    guard self.reason == nil else { return }
    self.reason = reason
    handler?(reason)
  }

  package func whenFailed(_ handler: @escaping @LoopActor (String) -> Void) {
    self.handler = handler
    if let reason { handler(reason) }
  }
}
