internal import Synchronization

/// A thread that does one thing whenever it is asked to: for calls of C libraries that block for a moment, so often that a
/// thread for each of them would cost more than the call.
///
///     asleep ──ask──▶ at work ──▶ asleep          asked at work: nothing more, even where that comes too late for it
package final class SideThread: Sendable {
  private let reader: Int32
  private let writer: Int32
  private let isAtWork = Atomic<Bool>(false)
  private let isStopping = Atomic<Bool>(false)
  private let ending = Mutex<(@Sendable () -> Void)?>(nil)

  /// - Throws: `SocketError` if no descriptor is left.
  package init(named name: String, _ work: @escaping @Sendable () -> Void) throws(SocketError) {
    (reader, writer) = try Platform.pipe()
    Platform.startThread(named: name) { self.run(work) }
  }

  /// Asks for the work. On the thread that calls `stop`; after that it does nothing.
  package func ask() {
    guard !isStopping.load(ordering: .acquiring), !isAtWork.exchange(true, ordering: .acquiringAndReleasing)
    else { return }
    ring()
  }

  /// Ends the thread after the work that it is at. What the work uses may be freed by `then`, on that thread.
  package func stop(then: @escaping @Sendable () -> Void) {
    // Held until the ring is sent: the thread closes the pipe, whose number may be another file's at once.
    ending.withLock { ending in
      ending = then
      isStopping.store(true, ordering: .releasing)
      ring()
    }
  }

  private func ring() { Platform.ring(writer) }

  private func run(_ work: () -> Void) {
    while !isStopping.load(ordering: .acquiring) {
      Platform.sleep(untilReadable: reader)
      Platform.drain(reader)
      guard !isStopping.load(ordering: .acquiring) else { break }
      work()
      isAtWork.store(false, ordering: .releasing)
    }
    let then = ending.withLock { $0.take() }
    Sockets.close(reader)
    Sockets.close(writer)
    then?()
  }
}
