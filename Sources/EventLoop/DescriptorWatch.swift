internal import Clibuv

/// What a descriptor can do without blocking.
package struct Readiness: OptionSet, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }
  package static let readable = Readiness(rawValue: Int32(UV_READABLE.rawValue))
  package static let writable = Readiness(rawValue: Int32(UV_WRITABLE.rawValue))
}

/// Reports when a descriptor that other code owns is ready (level-triggered).
///
/// Stop it *before* the owner closes the descriptor: the number may be reused while it is still watched. An
/// error or a hang-up is reported as readable and writable; the owner's next call returns the error.
@LoopActor
package final class DescriptorWatch {
  private var handle: UnsafeMutablePointer<uv_poll_t>?
  /// Without its isolation, which would cost `polled` an allocation at each call. `polled` checks that it runs on the
  /// loop's thread.
  private nonisolated(unsafe) let onReady: (Readiness) -> Void
  private var interest: Readiness = []

  package init(_ descriptor: Int32, onReady: @escaping @LoopActor (Readiness) -> Void) {
    self.onReady = unsafeBitCast(onReady, to: ((Readiness) -> Void).self)
    let handle = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
    guard uv_poll_init(EventLoop.shared.uv, handle, descriptor) == 0 else {
      handle.deallocate()
      return
    }
    self.handle = handle
    handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
  }

  /// False if the descriptor cannot be watched (closed, or already watched).
  package var isWatching: Bool { handle != nil }

  /// Sets the events to wait for; the empty set keeps the watch without waiting.
  package func watch(_ wanted: Readiness) {
    guard let handle, wanted != interest else { return }
    interest = wanted
    guard !wanted.isEmpty else {
      uv_poll_stop(handle)
      return
    }
    uv_poll_start(handle, wanted.rawValue, DescriptorWatch.polled)
  }

  /// Off the loop's actor, as a closure of it would ask once more which thread it runs on.
  private nonisolated static let polled: uv_poll_cb = { handle, status, events in
    guard let handle, let data = handle.pointee.data else { return }
    let watch = Unmanaged<DescriptorWatch>.fromOpaque(data).takeUnretainedValue()
    precondition(EventLoop.shared.isCurrent, "called off the loop's thread")
    if status < 0 { return LoopActor.assumeIsolated { watch.failed() } }
    watch.onReady(Readiness(rawValue: events))
  }

  /// libuv reports an error once and stops. Data that arrived before the error may still be readable, and the
  /// owner sees the end only after reading it, so the error is reported until the watch is stopped.
  private func failed() {
    let wanted = interest
    interest = []
    watch(wanted)
    onReady([.readable, .writable])
  }

  /// Ends the watch permanently. libuv frees the handle in a later turn.
  package func stop() {
    guard let handle else { return }
    self.handle = nil
    uv_poll_stop(handle)
    close(handle) { handle in
      guard let handle else { return }
      if let data = handle.pointee.data { Unmanaged<DescriptorWatch>.fromOpaque(data).release() }
      handle.deallocate()
    }
  }

  private func close(
    _ handle: UnsafeMutablePointer<uv_poll_t>,
    _ closed: @convention(c) (UnsafeMutablePointer<uv_handle_t>?) -> Void
  ) {
    handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_close($0, closed) }
  }
}

/// A descriptor that other threads (and C libraries) write to, to make the loop process what they have
/// queued.
@LoopActor
package final class Wakeup {
  /// Non-blocking; any byte written to it wakes the loop.
  package let descriptor: Int32
  private let reader: Int32
  private var watch: DescriptorWatch?

  /// - Throws: `SocketError` if no descriptor is left.
  package init(onWake: @escaping @LoopActor () -> Void) throws(SocketError) {
    (reader, descriptor) = try Platform.pipe()
    let reader = reader
    let watch = DescriptorWatch(reader) { _ in
      Platform.drain(reader)
      onWake()
    }
    self.watch = watch
    watch.watch(.readable)
  }

  /// The writers must have stopped before this call.
  package func close() {
    guard let watch else { return }
    watch.stop()
    self.watch = nil
    Sockets.close(reader)
    Sockets.close(descriptor)
  }
}
