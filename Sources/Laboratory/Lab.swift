package import EventLoop
import Foundation
import PrivateServers
package import Terminal

/// One laboratory, in the hands of a command that may change what runs.
///
///     up:    PostgreSQL ─▶ Redis ─▶ broker ─▶ [log filled from the events] ─▶ tables, rights
///            ─▶ monolith, worker ─▶ API ─▶ all ready
///     down:  API ─▶ lag 0 ─▶ worker, monolith ─▶ broker, Redis, PostgreSQL
///
/// Every process that stays is noted in `lab.json` as soon as it exists: whatever happens to this command, `lab down` finds it.
@LoopActor
package final class Lab {
  package let folder: LabFolder
  package private(set) var state: LabState
  package let interrupt: Interrupt
  /// While `up` is at work.
  var isStarting = false
  /// Parts that a fault has stopped for a while.
  let stopped = StoppedParts()
  var isWatchingForInterrupt = false

  /// Takes the folder's lock for as long as this process lives.
  package static func open(_ folder: LabFolder, interrupt: Interrupt) throws -> Lab {
    try folder.lock()
    let state = try LabState.read(folder) ?? LabState.make()
    return Lab(folder: folder, state: state, interrupt: interrupt)
  }

  /// Without the lock: for commands that change neither processes nor `lab.json`.
  package static func look(_ folder: LabFolder, interrupt: Interrupt) throws -> Lab {
    guard let state = try LabState.read(folder) else {
      throw LabFailure("there is no laboratory in \(folder.path)")
    }
    return Lab(folder: folder, state: state, interrupt: interrupt)
  }

  private init(folder: LabFolder, state: LabState, interrupt: Interrupt) {
    (self.folder, self.state, self.interrupt) = (folder, state, interrupt)
  }

  package func update(_ change: (inout LabState) -> Void) throws {
    change(&state)
    try state.write(folder)
  }

  /// Notes a process that has begun (true) or ended. One that takes the place of another keeps its port.
  func note(_ part: LabPart, _ process: RunningProcess, runs: Bool) {
    if !runs {
      state.parts.removeAll { $0.part == part }
    } else if state.part(part) != nil {
      state.change(part) { $0.process = process }
    } else {
      state.parts.append(LabState.Part(part: part, process: process))
    }
    do { try state.write(folder) } catch {
      Terminal.error("\(part.rawValue) (pid \(process.pid)) cannot be noted in \(folder.stateFile): \(error)")
    }
  }

  func observer(_ part: LabPart) -> @LoopActor (RunningProcess, Bool) -> Void {
    { [weak self] process, runs in self?.note(part, process, runs: runs) }
  }

  /// Where a program listens.
  func note(_ part: LabPart, _ ready: ReadyNote, on listen: ListenOptions?) throws {
    try note(part, port: ready.httpPort ?? 0, adminPort: ready.adminPort ?? 0, on: listen)
  }

  /// Where something listens.
  func note(_ part: LabPart, port: Int, adminPort: Int = 0, on listen: ListenOptions? = nil) throws {
    try update { state in
      state.change(part) { known in
        (known.port, known.adminPort) = (port, adminPort)
        if let listen { (known.host, known.adminHost) = (listen.host, listen.operatorHost) }
      }
    }
  }
}
