import Foundation
package import PrivateServers

/// What the keeper of a program says of it: `ready/PART-keeper.json`.
package struct KeeperNote: Codable, Hashable, Sendable {
  /// The program itself; ended while it waits to be started again.
  package var program: RunningProcess
  /// How often it has ended by itself since this keeper runs.
  package var ends = 0
  /// How it ended last, as in `signal 9`.
  package var lastEnd: String?
  /// Wall clock, milliseconds since 1970: when it is started again; nil while it runs.
  package var nextAt: Int64?

  package static func read(_ folder: LabFolder, _ part: LabPart) -> KeeperNote? {
    FileManager.default.contents(atPath: folder.keeperFile(of: part))
      .flatMap { try? JSONDecoder().decode(KeeperNote.self, from: $0) }
  }

  func write(_ folder: LabFolder, _ part: LabPart) throws {
    try JSONEncoder().encode(self).write(
      to: URL(fileURLWithPath: folder.keeperFile(of: part)), options: .atomic)
  }
}
