import EventLoop
import Foundation
package import History
import PrivateServers
import Terminal

/// Where one laboratory lives: its state, logs, reports and the data of its private servers.
package struct LabFolder: Sendable {
  /// Absolute.
  package let path: String

  package init(path: String) { self.path = URL(fileURLWithPath: path).standardizedFileURL.path }

  var stateFile: String { path + "/lab.json" }
  /// What `stateFile` held before it was written last.
  var formerStateFile: String { stateFile + ".old" }
  package var logs: String { path + "/logs" }
  /// The operator's token alone, for scripts; only its owner may read it.
  package var operatorToken: String { path + "/operator-token" }
  package var report: String { path + "/report" }
  package func log(of part: LabPart) -> String { "\(logs)/\(part.rawValue).log" }
  /// What a program writes once it listens.
  func readyFile(of part: LabPart) -> String { "\(ready)/\(part.rawValue).json" }
  /// What the keeper of a program says of it.
  func keeperFile(of part: LabPart) -> String { "\(ready)/\(part.rawValue)-keeper.json" }
  package var ready: String { path + "/ready" }

  package func make() throws {
    for folder in [path, logs] { try ServerFiles.makeFolder(folder) }
  }

  /// Whether a command that changes what runs is at work here.
  var isLocked: Bool {
    let descriptor = open(lockFile, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_EX | LOCK_NB) != 0
  }

  private var lockFile: String { path + "/lock" }

  /// For commands that change what runs: one at a time in one folder. The lock ends with the process.
  func lock() throws {
    try make()
    let descriptor = open(lockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw LabFailure("cannot write in \(path): \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw LabFailure("another lab command is at work in \(path)")
    }
  }
}

/// What a laboratory runs, by the name that its log and `lab status` have.
package enum LabPart: String, Codable, CaseIterable, Sendable {
  case postgres, redis, kafka, monolith
  case edaWorker = "eda-worker"
  case edaAPI = "eda-api"

  package var isProgram: Bool { architecture != nil }

  /// Nil for servers.
  package var architecture: Architecture? {
    switch self {
    case .monolith: .monolith
    case .edaAPI, .edaWorker: .eda
    case .postgres, .redis, .kafka: nil
    }
  }
}

extension Architecture {
  /// The program that answers people.
  package var api: LabPart { self == .monolith ? .monolith : .edaAPI }
}
