import CouponAPI

/// Why nothing can be asked of a policy.
enum PolicyAbsence: Error {
  /// Its partition of the log has not been read to the end, or cannot be.
  case catchingUp
  case noSuchPolicy
  /// None is known, but what the log holds by now is not known either.
  case cutOff
  case unknownZone

  func answer<Answer: AbsenceAnswer>() -> Answer {
    switch self {
    case .catchingUp: .trouble(.unavailable(reason: Reason.catchingUp))
    case .noSuchPolicy: .noSuchPolicy
    case .cutOff: .trouble(.unavailable(reason: Reason.cutOff))
    case .unknownZone: .trouble(.unavailable(reason: Reason.unknownZone))
    }
  }
}

/// An answer of the API that can say so.
protocol AbsenceAnswer: Sendable {
  static var noSuchPolicy: Self { get }
  static func trouble(_ trouble: ServiceTrouble) -> Self
}

extension IssueAnswer: AbsenceAnswer {}
extension PolicyAnswer: AbsenceAnswer {}
extension CouponAnswer: AbsenceAnswer {}
