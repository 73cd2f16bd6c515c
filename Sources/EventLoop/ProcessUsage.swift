internal import Clibuv

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The resource usage of this process.
package enum ProcessUsage {
  /// User and system time since the start.
  package static var cpuSeconds: Double {
    var usage = uv_rusage_t()
    guard uv_getrusage(&usage) == 0 else { return 0 }
    let seconds = Double(usage.ru_utime.tv_sec) + Double(usage.ru_stime.tv_sec)
    return seconds + (Double(usage.ru_utime.tv_usec) + Double(usage.ru_stime.tv_usec)) / 1_000_000
  }

  package static var residentBytes: Int {
    var bytes = 0
    return uv_resident_set_memory(&bytes) == 0 ? bytes : 0
  }

  /// Counts the entries of `/dev/fd`, which exists on Linux and macOS, without the descriptor that reads it.
  package static var openDescriptors: Int {
    guard let directory = opendir("/dev/fd") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
      // "." and ".." are not descriptors.
      if entry.pointee.d_name.0 != 46 { count += 1 }
    }
    return max(0, count - 1)
  }
}

/// Writes to a descriptor that other processes share, such as standard error, without making it non-blocking
/// for them.
package enum PatientOutput {
  /// The number of bytes that a writable pipe accepts without blocking.
  package static let pieceLength = Int(PIPE_BUF)

  /// Waits at most `milliseconds` until the descriptor accepts a piece.
  package static func isWritable(_ descriptor: Int32, within milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&entry, 1, milliseconds) == 1
  }

  /// Writes one piece; returns the number of bytes written, or nil if no reader is left.
  package static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int? {
    while true {
      let count = bytes.prefix(pieceLength).withUnsafeBytes { buffer in
        #if canImport(Glibc)
          Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #else
          Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
      }
      if count > 0 { return count }
      guard count < 0, errno == EINTR || errno == EAGAIN else { return nil }
      if errno == EAGAIN, !isWritable(descriptor, within: 1_000) { return nil }
    }
  }
}
