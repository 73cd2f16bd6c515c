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
  /// - Parameter architecture: the one whose programs a switch is for; servers are shared.
  /// - Throws: `LabFailure` in one line where it cannot be done; then nothing was.
  package func apply(_ fault: LabFault, to architecture: Architecture) async throws -> LabFaultRecord {
    let begun = LabFaultRecord.now
    var bites: Int?
    switch fault {
    case .switched(let target, let spec): try await switchOn(target, spec, of: architecture)
    case .stop(let part, let time): try pause(part, for: time)
    case .kill(let part): try await kill(part)
    case .restart(let part): try await restart(part)
    case .flush: bites = try await removeKeys()
    case .poison(let count): bites = try await LogInjection(state).poison(count)
    case .duplicates(let share, let seed):
      bites = try await LogInjection(state).duplicates(share: share, seed: seed)
    }
    return LabFaultRecord(fault, begun: begun, ended: fault.lasts ? nil : LabFaultRecord.now, bites: bites)
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

extension LabFault {
  /// Whether it is there until it is healed or its time is over.
  fileprivate var lasts: Bool {
    switch self {
    case .switched, .stop, .kill: true
    case .restart, .flush, .poison, .duplicates: false
    }
  }
}

extension LabFaultRecord {
  /// Wall clock, milliseconds since 1970.
  package static var now: Int64 { SystemClock().now().microseconds / 1_000 }
}
