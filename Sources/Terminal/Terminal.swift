import EventLoop
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where a command speaks to a person: standard output, which may be a terminal or a file.
package enum Terminal {
  /// Whether somebody watches: only then lines are drawn over. `TERM=dumb` has plain lines too.
  package static let isInteractive: Bool = {
    guard isatty(STDOUT_FILENO) == 1 else { return false }
    guard let kind = getenv("TERM") else { return false }
    return String(cString: kind) != "dumb"
  }()

  /// Columns of the terminal; 100 where there is none.
  package static var width: Int {
    var size = winsize()
    guard isInteractive, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 else {
      return 100
    }
    return Int(size.ws_col)
  }

  /// Writes a line, at once also where the output is a pipe.
  package static func line(_ text: String = "") { write(text + "\n") }

  /// One line about what went wrong, to standard error.
  package static func error(_ text: String) { put("lab: \(text)\n", STDERR_FILENO) }

  /// Whether what was to read the output has closed it, as `head` does when it has enough.
  package static var readerIsGone: Bool { closed.load(ordering: .relaxed) }
  private static let closed = Atomic(false)

  static func write(_ text: String) {
    guard !put(text, STDOUT_FILENO), errno == EPIPE else { return }
    closed.store(true, ordering: .relaxed)
    // Nobody is there to see the rest: it ends as it would by Ctrl-C.
    EventLoop.shared.submit { Interrupt.comeToAll() }
  }

  /// Whether all of it was taken.
  @discardableResult
  private static func put(_ text: String, _ descriptor: Int32) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      guard let count = PatientOutput.write(rest, to: descriptor) else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
