import Foundation
package import Operations

/// A file with one line of JSON that exists as soon as a program listens, and holds its ports:
///
///     {"program":"eda-api","pid":123,"httpPort":8082,"adminPort":18082}
///
/// The parent process waits for the file instead of reading the log.
package enum ReadyFile {
  /// The path in `READY_FILE`; nil if no file is wanted.
  package static func setting(_ reader: inout SettingsReader) throws(SettingsError) -> String? {
    try reader.optional("READY_FILE", "File in which the program reports its ports once it listens.") { $0 }
  }

  /// - Parameter facts: further JSON members after the program and its process; nil values are omitted.
  package static func write(
    _ program: String, _ facts: KeyValuePairs<String, String?>, to path: String
  ) throws(StartFailure) {
    let process = ProcessInfo.processInfo.processIdentifier
    var line = #"{"program":"\#(program.replacing(" ", with: "-"))","pid":\#(process)"#
    for case (let name, let value?) in facts { line += ",\"\(name)\":\(value)" }
    // Atomic: written to a temporary file beside it, then renamed.
    do { try Data((line + "}\n").utf8).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
      throw StartFailure("READY_FILE: cannot write \(path): \(error.localizedDescription)")
    }
  }
}
