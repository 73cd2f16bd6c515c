import EventLoop
import Foundation
package import Terminal

/// A laboratory that another command has made below this one's folder: `lab run`, `lab demo` and `lab bench` have their
/// own, and end it themselves. Where such a command was killed, its servers still run, and this is how they are found.
package struct InnerLab: Sendable {
  package let folder: LabFolder
  package let running: [LabState.Part]
  /// The command that made it is alive.
  package let isAtWork: Bool

  /// `a, b`.
  package var names: String { running.map(\.part.rawValue).joined(separator: ", ") }

  /// Those of which something runs.
  package static func running(in folder: LabFolder) -> [InnerLab] {
    folders(below: folder.path, depth: 3).compactMap { path in
      let inner = LabFolder(path: path)
      guard let running = (try? LabState.read(inner))?.running, !running.isEmpty else { return nil }
      return InnerLab(folder: inner, running: running, isAtWork: inner.isLocked)
    }
  }

  /// Ends what was left behind; a laboratory whose command is at work is that command's.
  ///
  /// - Parameter dropsData: of all that are left behind, also of those of which nothing runs.
  /// - Returns: whether something ran.
  @LoopActor
  package static func end(
    in folder: LabFolder, dropsData: Bool = false, interrupt: Interrupt
  ) async throws -> Bool {
    let running = Dictionary(uniqueKeysWithValues: running(in: folder).map { ($0.folder.path, $0) })
    for path in folders(below: folder.path, depth: 3) {
      let inner = LabFolder(path: path)
      guard dropsData || running[path] != nil else { continue }
      guard !inner.isLocked else {
        Terminal.line("left alone: a lab command is at work in \(path)")
        continue
      }
      let lab = try Lab.open(inner, interrupt: interrupt)
      await lab.stopAll()
      if dropsData { try await lab.reset() }
      guard let names = running[path]?.names else { continue }
      Terminal.line("ended what a killed command had left in \(path): \(names)")
    }
    return !running.isEmpty
  }

  /// What private servers and commands write is not searched.
  private static let others: Set<String> = [
    "logs", "ready", "history", "report", "switches", "unverified", "postgres", "redis", "kafka",
  ]

  private static func folders(below path: String, depth: Int) -> [String] {
    guard depth > 0 else { return [] }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    return names.filter { !others.contains($0) }.flatMap { name -> [String] in
      let inner = "\(path)/\(name)"
      let isLab = FileManager.default.fileExists(atPath: LabFolder(path: inner).stateFile)
      return (isLab ? [inner] : []) + folders(below: inner, depth: depth - 1)
    }
  }
}
