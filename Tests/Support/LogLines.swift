package import EventLoop
import Foundation
package import Operations

/// A log whose lines a test can read.
@LoopActor
package final class LogLines {
  package let log: Log
  private let output: LogOutput
  private let path: String

  package init(program: String = "test") throws {
    path = try TestServers.folder() + "/log"
    guard FileManager.default.createFile(atPath: path, contents: nil) else {
      throw TestFailure("no file \(path)")
    }
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { throw TestFailure("cannot open \(path)") }
    output = LogOutput(descriptor: descriptor)
    log = Log(program: program, level: .debug, output: output)
  }

  /// The lines so far.
  package var lines: [String] {
    output.flush(patience: 1_000)
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map(String.init)
  }

  package func lines(with words: String) -> [String] { lines.filter { $0.contains(words) } }
}
