import CouponAPI

/// Why nothing can be asked of a policy.
enum PolicyAbsence: Error {
  /// Its partition of the log has not been read to the end.
  case catchingUp
  /// Its partition of the log cannot be read on.
  case stopped
  case noSuchPolicy
  /// None is known, but what the log holds by now is not known either.
  case cutOff
  case unknownZone

  func answer<Answer: AbsenceAnswer>() -> Answer {
    if let reason { .trouble(.unavailable(reason: reason)) } else { .noSuchPolicy }
  }

  /// What an answer of 503 says; nil where the answer is another one.
  var reason: String? {
    switch self {
    case .catchingUp: Reason.catchingUp
    case .stopped: Reason.stopped
    case .noSuchPolicy: nil
    case .cutOff: Reason.cutOff
    case .unknownZone: Reason.unknownZone
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
