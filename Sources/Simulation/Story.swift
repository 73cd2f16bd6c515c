import CouponAPI
import CouponDomain

/// The words of a story.
enum Story {
  static func time(_ milliseconds: Int) -> String {
    let digits = String(milliseconds)
    return String(repeating: " ", count: max(0, 6 - digits.count)) + digits + " ms"
  }

  static func words(_ answer: IssueAnswer) -> String {
    switch answer {
    case .created(let coupon): "201, rank \(coupon.rank.map { String($0) } ?? "none")"
    case .existing(let coupon): "200, rank \(coupon.rank.map { String($0) } ?? "none")"
    case .soldOut: "409 sold out"
    case .notOpen: "403 not open"
    case .noSuchPolicy: "404 no such policy"
    case .trouble(.unavailable(let reason)): "503 unavailable. \(reason)"
    case .trouble(.outcomeUnknown(let reason)): "503 outcome unknown. \(reason)"
    }
  }
}
