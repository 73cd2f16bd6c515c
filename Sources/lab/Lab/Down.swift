import EventLoop
import Foundation
import PrivateServers

extension Lab {
  /// Stops the API, waits until the worker has written everything, then stops the rest.
  ///
  /// - Parameter waitForLag: how long for; what is in an embedded broker then is lost.
  /// - Returns: false where the worker had not written everything by then.
  @discardableResult
  package func down(waitForLag: Duration = .seconds(60)) async -> Bool {
    await stop(.edaAPI)
    let isWritten = await awaitLagZero(within: waitForLag)
    await stopAll()
    return isWritten
  }

  /// Stops everything that runs, the last started first.
  package func stopAll() async {
    for part in state.parts.reversed() { await stop(part.part) }
  }

  /// Stops one part in its own way. Paused parts are continued first; none outlives this.
  package func stop(_ part: LabPart) async {
    guard let running = state.part(part) else { return }
    await running.process.end(part.endings)
    note(part, running.process, runs: false)
  }

  private func awaitLagZero(within limit: Duration) async -> Bool {
    guard state.part(.edaWorker)?.process.isRunning ?? false else { return true }
    let progress = Progress("lab down: the worker")
    let deadline = Instant.now + limit
    let lag = LagReader(state)
    var missing: Int64?
    while Instant.now < deadline, !interrupt.hasCome, state.part(.edaWorker)?.process.isRunning ?? false {
      missing = await lag.read()
      if missing == 0 { break }
      progress.update(nil, missing.map { "\($0) entries to go" } ?? "the log or the database does not answer")
      await EventLoop.shared.sleep(for: .milliseconds(100))
    }
    await lag.close()
    progress.end(missing == 0 ? "lag 0" : "not finished")
    return missing == 0
  }
}

extension LabPart {
  /// The signals that end it, each with its patience. PostgreSQL's SIGINT is its fast shutdown.
  var endings: [(signal: Int32, patience: Duration)] {
    switch self {
    case .postgres: [(SIGINT, .seconds(20)), (SIGQUIT, .seconds(5))]
    case .redis: [(SIGTERM, .seconds(10))]
    case .kafka: [(SIGTERM, .seconds(30))]
    case .monolith, .edaAPI, .edaWorker: [(SIGTERM, .seconds(15))]
    }
  }
}
