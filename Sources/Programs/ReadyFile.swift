import Foundation
package import Operations

/// A file of one line of JSON that is there as soon as a program listens, and says where:
///
///     {"program":"eda-api","pid":123,"httpPort":8082,"adminPort":18082}
///
/// The parent process waits for the file instead of reading the log.
package enum ReadyFile {
  /// `READY_FILE`: its path; nil where none is wanted.
  package static func setting(_ reader: inout SettingsReader) throws(SettingsError) -> String? {
    try reader.optional("READY_FILE", "File that says, once the program listens, on which ports.") { $0 }
  }

  /// - Parameter facts: names and values of JSON, behind the program and its process; what is nil is left out.
  package static func write(
    _ program: String, _ facts: KeyValuePairs<String, String?>, to path: String
  ) throws(StartFailure) {
    let process = ProcessInfo.processInfo.processIdentifier
    var line = #"{"program":"\#(program.replacing(" ", with: "-"))","pid":\#(process)"#
    for case (let name, let value?) in facts { line += ",\"\(name)\":\(value)" }
    // Whole or not at all: written beside its place, then renamed.
    do { try Data((line + "}\n").utf8).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
      throw StartFailure("READY_FILE: cannot write \(path): \(error.localizedDescription)")
    }
  }
}
