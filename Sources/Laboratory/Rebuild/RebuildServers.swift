import EventLoop
import Foundation
import PrivateServers

/// The servers that a rebuild needs: those that run are used, private ones that do not are started for the time of it.
extension Lab {
  /// Returns what was started, to be stopped by `stopServers`.
  package func startServersForRebuild(log: Bool) async throws -> [LabPart] {
    var started: [LabPart] = []
    do {
      if state.database?.isPrivate ?? false, !isRunning(.postgres) {
        started.append(.postgres)
        try await startPrivateDatabase()
      }
      if log, let kafka = state.log, kafka.kind == .installed, !isRunning(.kafka) {
        started.append(.kafka)
        try await startInstalledKafka(
          partitions: kafka.partitions, environment: ProcessInfo.processInfo.environment)
      }
    } catch {
      await stopServers(started)
      throw error
    }
    return started
  }

  package func stopServers(_ parts: [LabPart]) async {
    for part in parts.reversed() { await stop(part) }
  }

  package func isRunning(_ part: LabPart) -> Bool { state.part(part)?.process.isRunning ?? false }
}
