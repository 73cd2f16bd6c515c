package import Scenarios

extension FaultedPart {
  package var part: LabPart {
    switch self {
    case .database: .postgres
    case .redis: .redis
    case .kafka: .kafka
    case .monolith: .monolith
    case .api: .edaAPI
    case .worker: .edaWorker
    }
  }
}

/// That a fault was there, and that it has bitten (I13).
package struct LabFaultRecord: Hashable, Sendable {
  package let fault: LabFault
  /// Wall clock, milliseconds since 1970.
  package let begun: Int64
  /// Nil while it lasts, or where nobody has ended it.
  package var ended: Int64?
  /// How often a switch has bitten, or how many messages or keys were concerned; nil where nothing counts.
  package var bites: Int?

  package init(_ fault: LabFault, begun: Int64, ended: Int64? = nil, bites: Int? = nil) {
    (self.fault, self.begun, self.ended, self.bites) = (fault, begun, ended, bites)
  }
}
