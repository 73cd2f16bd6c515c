import EventLoop
import Foundation
import PrivateServers
import Synchronization

/// The parts that this process has stopped by SIGSTOP. Each goes on after its time; whatever ends this process (but
/// SIGKILL), all go on first.
@LoopActor
final class StoppedParts {
  private var parts: [LabPart: (process: RunningProcess, timer: LoopTimer)] = [:]
  /// What the end of this process continues.
  private nonisolated static let atExit = Mutex<[Int32: [RunningProcess]]>([:])
  private static let isRegistered: Void = {
    atexit { for process in StoppedParts.atExit.withLock({ $0.values.joined() }) { process.signal(SIGCONT) } }
  }()

  nonisolated init() {}

  func stop(_ part: LabPart, _ process: RunningProcess, for time: Duration) {
    _ = StoppedParts.isRegistered
    parts[part]?.timer.cancel()
    process.signalTree(SIGSTOP)
    let family = [process] + ProcessTable.descendants(of: process.pid).compactMap { RunningProcess(pid: $0) }
    StoppedParts.atExit.withLock { $0[process.pid] = family }
    let timer = EventLoop.shared.schedule(after: time) { [weak self] in self?.continue(part) }
    parts[part] = (process, timer)
  }

  func `continue`(_ part: LabPart) {
    guard let process = parts[part]?.process else { return }
    process.signalTree(SIGCONT)
    forget(part)
  }

  func continueAll() { for part in Array(parts.keys) { self.continue(part) } }

  /// It has ended, or goes on already.
  func forget(_ part: LabPart) {
    guard let (process, timer) = parts.removeValue(forKey: part) else { return }
    timer.cancel()
    _ = StoppedParts.atExit.withLock { $0.removeValue(forKey: process.pid) }
  }
}
