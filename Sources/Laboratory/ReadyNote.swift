import Foundation

/// Where a program listens, as it has written to its `READY_FILE`.
package struct ReadyNote: Decodable, Hashable, Sendable {
  package let pid: Int32
  package let httpPort: Int?
  /// Absent without an operator's listener.
  package let adminPort: Int?
  /// Of the embedded broker.
  package let brokers: String?

  /// Nil until the program has written it, whole.
  package static func read(_ path: String) -> ReadyNote? {
    FileManager.default.contents(atPath: path).flatMap { try? JSONDecoder().decode(ReadyNote.self, from: $0) }
  }
}
