import EventLoop

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Says which input was read when the process traps, is stopped by a sanitizer, or hangs. A signal handler may not
/// allocate, so everything lies ready.
package enum CrashReport {
  private static let capacity = 65_536
  nonisolated(unsafe) private static let title = UnsafeMutablePointer<UInt8>.allocate(capacity: 512)
  nonisolated(unsafe) private static var titleCount = 0
  nonisolated(unsafe) private static let input = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
  nonisolated(unsafe) private static var inputCount = 0
  nonisolated(unsafe) private static var number = 0
  nonisolated(unsafe) private static let line = UnsafeMutablePointer<UInt8>.allocate(capacity: 4 * capacity)

  /// An input that takes longer than this hangs.
  private static let secondsAtMost: UInt32 = 20

  /// From now on, for that run.
  package static func begin(_ run: FuzzRun) {
    let text =
      "\nfuzz: \(run.target.name), seed \(run.seed): a crash or no end within \(secondsAtMost) s at input "
    titleCount = min(512, text.utf8.count)
    for (index, byte) in text.utf8.prefix(512).enumerated() { title[index] = byte }
    for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM] {
      signal(number) { CrashReport.tell($0) }
    }
  }

  package static func end() { alarm(0) }

  package static func reading(_ number: Int, _ bytes: [UInt8]) {
    if number & 63 == 0 { alarm(secondsAtMost) }
    self.number = number
    inputCount = min(capacity, bytes.count)
    bytes.withUnsafeBufferPointer {
      if let base = $0.baseAddress { input.update(from: base, count: inputCount) }
    }
  }

  private static func tell(_ received: Int32) {
    var count = 0
    func put(_ byte: UInt8) {
      line[count] = byte
      count += 1
    }
    for index in 0..<titleCount { put(title[index]) }
    var divisor = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      put(UInt8(48 + number / divisor % 10))
      divisor /= 10
    }
    put(10)
    for index in 0..<inputCount {
      let byte = input[index]
      if byte >= 32, byte <= 126, byte != 92 {
        put(byte)
      } else {
        put(92)
        put(120)
        for digit in [byte >> 4, byte & 15] { put(digit < 10 ? 48 + digit : 87 + digit) }
      }
    }
    put(10)
    _ = write(2, line, count)
    signal(received, SIG_DFL)
    raise(received)
  }
}
