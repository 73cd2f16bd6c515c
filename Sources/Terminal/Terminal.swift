import EventLoop
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A command's standard output, a terminal or a file, and standard error.
package enum Terminal {
  /// Whether the output is a terminal that can draw over lines; `TERM=dumb` cannot.
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

  /// Whether the reader of the output has closed it, as `head` does when it has enough.
  package static var readerIsGone: Bool { closed.load(ordering: .relaxed) }
  private static let closed = Atomic(false)

  /// Asks whether the reader of the output is still there. A command that may write nothing for long asks this from time
  /// to time: no write tells it.
  package static func lookForReader() {
    var entry = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
    guard poll(&entry, 1, 0) == 1, Int32(entry.revents) & (POLLERR | POLLHUP) != 0 else { return }
    endForNobodyReads()
  }

  static func write(_ text: String) {
    guard !put(text, STDOUT_FILENO), errno == EPIPE else { return }
    endForNobodyReads()
  }

  private static func endForNobodyReads() {
    closed.store(true, ordering: .relaxed)
    // There is no reader for the rest: the command ends as by Ctrl-C.
    EventLoop.shared.submit { Interrupt.shared.come() }
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
