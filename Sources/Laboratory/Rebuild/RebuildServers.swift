import EventLoop
import PrivateServers

/// The servers that a rebuild needs: those that run are used, private ones that do not are started for the time of it.
extension Lab {
  /// Returns what was started, to be stopped by `stopServers`.
  package func startServersForRebuild(log: Bool) async throws -> [LabPart] {
    var started: [LabPart] = []
    do {
      if state.database?.isPrivate ?? false, !isRunning(.postgres) {
        let server = try await PrivatePostgres.start(
          in: folder.path, log: folder.log(of: .postgres), onProcess: observer(.postgres))
        started.append(.postgres)
        try update { $0.database = LabState.Server(url: server.url, isPrivate: true) }
        try note(.postgres, port: server.port)
      }
      if log, state.log?.kind == .installed, !isRunning(.kafka) {
        let server = try await PrivateKafka.start(
          in: folder.path, log: folder.log(of: .kafka), onProcess: observer(.kafka))
        started.append(.kafka)
        try update { $0.log?.brokers = server.brokers }
        try note(.kafka, port: server.port)
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
