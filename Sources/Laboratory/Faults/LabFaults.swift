package import Scenarios
import CouponDomain
import CouponStore
import EventLoop
import Operations
import PrivateServers
import Text
package import History

/// Breaking what runs, and healing it.
extension Lab {
  /// Begins a fault and returns at once; `stop` ends by itself after its time, a switch after its time to live.
  ///
  /// - Parameter architecture: whose programs a switch or the log is meant; a server is everybody's.
  /// - Throws: `LabFailure` in one line where it cannot be done; then nothing was.
  package func apply(_ fault: LabFault, to architecture: Architecture) async throws -> LabFaultRecord {
    let begun = LabFaultRecord.now
    switch fault {
    case .switched(let target, let spec):
      try await switchOn(target, spec, of: architecture)
      return LabFaultRecord(fault, begun: begun)
    case .stop(let part, let time):
      try pause(part, for: time)
      return LabFaultRecord(fault, begun: begun)
    case .kill(let part):
      try await kill(part)
      return LabFaultRecord(fault, begun: begun)
    case .restart(let part):
      try await restart(part)
      return LabFaultRecord(fault, begun: begun, ended: LabFaultRecord.now)
    case .flush:
      let keys = try await removeKeys()
      return LabFaultRecord(fault, begun: begun, ended: LabFaultRecord.now, bites: keys)
    case .poison(let count):
      let sent = try await LogInjection(state).poison(count)
      return LabFaultRecord(fault, begun: begun, ended: LabFaultRecord.now, bites: sent)
    case .duplicates(let share, let seed):
      let sent = try await LogInjection(state).duplicates(share: share, seed: seed)
      return LabFaultRecord(fault, begun: begun, ended: LabFaultRecord.now, bites: sent)
    }
  }

  /// Ends a fault that lasts: switches it off, lets a stopped part go on, starts a killed one again. What has no end
  /// (`flush`, messages in the log) is left alone. Fine where it has healed already.
  ///
  /// - Returns: the record with its end and its bites.
  @discardableResult
  package func heal(_ record: LabFaultRecord, of architecture: Architecture) async throws -> LabFaultRecord {
    var record = record
    switch record.fault {
    case .switched(let target, _): record.bites = try await switchOff(target, of: architecture)
    case .stop(let part, _): resume(part)
    case .kill(let part): if !isRunning(part.part) { try await restart(part) }
    case .restart, .flush, .poison, .duplicates: break
    }
    record.ended = record.ended ?? LabFaultRecord.now
    return record
  }
}

extension LabFaultRecord {
  /// Wall clock, milliseconds since 1970.
  package static var now: Int64 { SystemClock().now().microseconds / 1_000 }
}
