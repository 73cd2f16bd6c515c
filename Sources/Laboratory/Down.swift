import Scenarios
import EventLoop
import Foundation
import PrivateServers
import Terminal

extension Lab {
  /// Stops the API, waits until the worker has written everything, then stops the rest.
  ///
  ///     stopped parts go on ─▶ API ends ─▶ worker started again where it is dead ─▶ lag 0 ─▶ programs end ─▶ servers end
  ///
  /// - Parameter waitForLag: the longest wait; zero stops everything at once and loses what an embedded broker holds.
  /// - Throws: `LabFailure` where not everything was written. An embedded broker holds that in memory alone: then nothing
  ///   but the API has been stopped.
  package func down(waitForLag: Duration = .seconds(60)) async throws {
    let accepts = state.part(.edaWorker) != nil || state.part(.edaAPI) != nil
    resumeAll()
    await stop(.edaAPI)
    guard accepts, waitForLag > .zero else { return await stopAll() }
    let isEmbedded = state.log?.kind == .embedded
    if isEmbedded, state.part(.kafka)?.process.isRunning != true {
      await stopAll()
      throw LabFailure(
        "stopped; the embedded broker had ended before, and with it what the worker had not written")
    }
    let unwritten = await awaitLagZero(within: waitForLag)
    if let unwritten, isEmbedded { throw unwritten.refusal }
    await stopAll()
    if let unwritten {
      throw LabFailure("stopped, but \(unwritten.words); the log keeps it for the next lab up")
    }
  }

  /// Stops everything that runs: the programs, then their servers. Those that need nothing of each other end at the same
  /// time, so that one that is slow to end costs its own patience alone.
  package func stopAll() async {
    for programs in [true, false] {
      let ends = state.parts.map(\.part).filter { $0.isProgram == programs }.map { part in
        let end = Completion<Void>()
        EventLoop.shared.spawn {
          await self.stop(part)
          end.succeed(())
        }
        return end
      }
      for end in ends { try? await end.value() }
    }
  }

  /// Stops one part in its own way. Paused parts are continued first; none outlives this.
  package func stop(_ part: LabPart) async {
    guard let running = state.part(part) else { return }
    await running.process.end(part.endings)
    // A keeper that somebody has killed has left its program behind.
    if running.isKept == true { await KeeperNote.read(folder, part)?.program.end(part.endings) }
    note(part, running.process, runs: false)
  }

  /// - Returns: nil once everything is in the database.
  private func awaitLagZero(within limit: Duration) async -> Unwritten? {
    let lag = LagReader(state)
    var missing = await isDatabaseDown || isLogDown ? nil : lag.read()
    if missing != 0 { missing = await watch(lag, missing, until: .now + limit) }
    await lag.close()
    guard missing != 0 else { return nil }
    let remedy =
      isDatabaseDown
      ? "Start the database with lab fault database restart"
      : isLogDown
        ? "Start the broker with lab fault kafka restart"
        : "End faults with lab fault heal, see \(folder.log(of: .edaWorker))"
    return Unwritten(entries: missing, remedy: remedy)
  }

  private func watch(_ lag: LagReader, _ first: Int64?, until deadline: Instant) async -> Int64? {
    let progress = PhaseProgress("lab down: the worker")
    var missing = first
    var lastHeard = Instant.now
    do {
      if !isDatabaseDown, !isLogDown, !isRunning(.edaWorker) { try await restart(.worker) }
      while Instant.now < deadline, .now - lastHeard < Lab.longestSilence, !interrupt.hasCome,
        !isDatabaseDown,
        !isLogDown, isRunning(.edaWorker)
      {
        missing = await lag.read()
        if missing == 0 { break }
        if missing != nil { lastHeard = .now }
        progress.update(
          nil, missing.map { "\($0) entries to go" } ?? "the log or the database does not answer")
        await EventLoop.shared.sleep(for: .milliseconds(100))
      }
      progress.end(missing == 0 ? "lag 0" : "not finished")
    } catch {
      progress.abandon()
      Terminal.error("the worker cannot be started again: \(error)")
    }
    return missing
  }

  /// A private server that has ended. Of others only the lag tells.
  private var isDatabaseDown: Bool { state.part(.postgres)?.process.isRunning == false }
  private var isLogDown: Bool { state.part(.kafka)?.process.isRunning == false }

  /// A log or a database that says nothing for so long is not waited for: nobody would say when it is enough.
  private static let longestSilence = Duration.seconds(10)
}

/// What the database does not have yet.
private struct Unwritten {
  /// Nil where the log or the database did not answer.
  let entries: Int64?
  let remedy: String

  var words: String {
    entries.map { "\(Numbers.count($0)) entries of the log are not in the database yet" }
      ?? "it is not known whether the database has everything that is in the log"
  }

  var refusal: LabFailure {
    LabFailure(
      "not stopped: \(words), and the embedded broker holds it only in memory. \(remedy), "
        + "then run lab down again; lab down --now would lose it")
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
