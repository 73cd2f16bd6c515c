import EventLoop
import Foundation
import PrivateServers

extension Lab {
  /// Runs a rebuild with the servers that it needs: private ones that do not run are started for the time of it.
  package func withServers(
    log: Bool, _ body: @LoopActor () async throws -> Int32
  ) async throws -> Int32 {
    var started: [LabPart] = []
    let result: Result<Int32, any Error>
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
      result = .success(try await body())
    } catch { result = .failure(error) }
    for part in started.reversed() { await stop(part) }
    return try result.get()
  }

  package func isRunning(_ part: LabPart) -> Bool { state.part(part)?.process.isRunning ?? false }
}
