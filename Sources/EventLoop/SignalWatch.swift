internal import Clibuv

/// Runs a handler on the loop for each arrival of a signal, until it is stopped.
@LoopActor
package final class SignalWatch {
  private var handle: UnsafeMutablePointer<uv_signal_t>?
  private let handler: @LoopActor () -> Void

  fileprivate init(_ number: Int32, handler: @escaping @LoopActor () -> Void) {
    self.handler = handler
    let handle = UnsafeMutablePointer<uv_signal_t>.allocate(capacity: 1)
    uv_signal_init(EventLoop.shared.uv, handle)
    handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
    self.handle = handle
    uv_signal_start(
      handle,
      { handle, _ in
        guard let data = handle?.pointee.data else { return }
        let watch = Unmanaged<SignalWatch>.fromOpaque(data).takeUnretainedValue()
        LoopActor.assumeIsolated { watch.handler() }
      }, number)
  }

  package func stop() {
    guard let handle else { return }
    self.handle = nil
    uv_signal_stop(handle)
    handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) {
      uv_close($0) { handle in
        guard let handle else { return }
        if let data = handle.pointee.data { Unmanaged<SignalWatch>.fromOpaque(data).release() }
        handle.deallocate()
      }
    }
  }
}

extension EventLoop {
  @LoopActor package func onSignal(_ number: Int32, _ handler: @escaping @LoopActor () -> Void) -> SignalWatch
  {
    SignalWatch(number, handler: handler)
  }
}
