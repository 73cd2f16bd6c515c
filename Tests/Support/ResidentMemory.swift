internal import EventLoop

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What this process holds.
package enum ResidentMemory {
  /// Resident bytes, after the allocator has given back to the system what nobody uses.
  package static var bytes: Int {
    #if canImport(Glibc)
      // glibc's `malloc_trim`, which the module map leaves out.
      if let symbol = dlsym(nil, "malloc_trim") {
        _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
      }
    #endif
    return ProcessUsage.residentBytes
  }
}
