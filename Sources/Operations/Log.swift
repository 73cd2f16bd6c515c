package import EventLoop
internal import Text

/// Log lines of one program: a constant message and its metadata, one line each to standard error.
///
///     log.info("listening", ["host": host, "port": port])
///
/// Metadata never holds a secret; the message never holds a value.
package struct Log: Sendable {
  package let level: LogLevel
  package let program: String
  private let output: LogOutput

  package init(program: String, level: LogLevel, output: LogOutput) {
    (self.program, self.level, self.output) = (program, level, output)
  }

  @LoopActor package func debug(_ message: StaticString, _ metadata: @autoclosure () -> LogMetadata = [:]) {
    guard level == .debug else { return }
    write(.debug, message, metadata())
  }

  @LoopActor package func info(_ message: StaticString, _ metadata: LogMetadata = [:]) {
    write(.info, message, metadata)
  }

  @LoopActor package func warning(_ message: StaticString, _ metadata: LogMetadata = [:]) {
    write(.warning, message, metadata)
  }

  @LoopActor package func error(_ message: StaticString, _ metadata: LogMetadata = [:]) {
    write(.error, message, metadata)
  }

  @LoopActor private func write(_ level: LogLevel, _ message: StaticString, _ metadata: LogMetadata) {
    guard level >= self.level else { return }
    output.append(
      LogLine.format(
        time: SystemClock().now().description, level: level, program: program, message: message,
        metadata: metadata))
  }
}

/// Writes lines to a descriptor without making the loop wait for the reader.
///
/// A slow reader costs lines, not requests: lines beyond the bound are dropped and counted.
@LoopActor
package final class LogOutput {
  private let descriptor: Int32
  private let maximumPending: Int
  private var pending = Deque<[UInt8]>()
  private var pendingBytes = 0
  private var dropped = 0
  private var isFlushScheduled = false

  /// - Parameter maximumPending: the most bytes that wait for a slow reader.
  package nonisolated init(descriptor: Int32 = 2, maximumPending: Int = 262_144) {
    (self.descriptor, self.maximumPending) = (descriptor, maximumPending)
  }

  func append(_ line: [UInt8]) {
    guard pendingBytes + line.count <= maximumPending else {
      dropped += 1
      return
    }
    enqueue(line)
    guard !isFlushScheduled else { return }
    isFlushScheduled = true
    EventLoop.shared.atTurnEnd { self.flushOrRetry() }
  }

  private func enqueue(_ line: [UInt8]) {
    pending.append(line)
    pendingBytes += line.count
  }

  private func flushOrRetry() {
    isFlushScheduled = false
    flush()
    guard !pending.isEmpty else { return }
    isFlushScheduled = true
    EventLoop.shared.schedule(after: .milliseconds(50)) { self.flushOrRetry() }
  }

  /// Writes what the descriptor accepts at once, and waits for it at most `patience` milliseconds; for the
  /// end of a program.
  package func flush(patience: Int32 = 0) {
    while let line = pending.first, PatientOutput.isWritable(descriptor, within: patience) {
      guard writePieces(of: line) else { return abandon() }
      _ = pending.popFirst()
      pendingBytes -= line.count
      if pending.isEmpty, dropped > 0 { reportDropped() }
    }
  }

  private func reportDropped() {
    enqueue(Array("level=warning message=\"log lines were dropped\" lines=\(dropped)\n".utf8))
    dropped = 0
  }

  /// No reader is left.
  private func abandon() {
    pending.removeAll()
    pendingBytes = 0
  }

  private func writePieces(of line: [UInt8]) -> Bool {
    var rest = line[...]
    while !rest.isEmpty {
      guard let count = PatientOutput.write(rest, to: descriptor) else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
