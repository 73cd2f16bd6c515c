import CouponDomain
import CouponStore
import HTTP
import JSON
import Text
import History

/// Reads an answer by the contract; every other answer is `strange`.
struct OutcomeReader {
  let policyID: PolicyID

  private static let couponFields = ["couponId", "policyId", "userId", "day", "rank", "issuedAt"]
    .map { Array($0.utf8) }
  private static let codeField = [Array("code".utf8)]

  /// How a request for a coupon by `user` ended, and the coupon where there is one.
  func read(_ answer: HTTPClientResponse, user: String) -> (Outcome, SeenCoupon?) {
    switch answer.status {
    case 200, 201:
      guard let coupon = coupon(answer.body, user: user) else { return (.strange, nil) }
      return (answer.status == 201 ? .created : .existing, coupon)
    case 409: return (OutcomeReader.code(answer.body) == "sold-out" ? .soldOut : .strange, nil)
    case 403: return (OutcomeReader.code(answer.body) == "not-open" ? .notOpen : .refused, nil)
    case 400..<500: return (.refused, nil)
    case 503: return (OutcomeReader.unavailable(OutcomeReader.code(answer.body)), nil)
    default: return (.strange, nil)
    }
  }

  /// How a bystander's request ended.
  static func bystander(_ answer: HTTPClientResponse) -> Outcome {
    switch answer.status {
    case 200..<300: .existing
    case 409: .soldOut
    case 400..<500: .refused
    case 503: unavailable(nil)
    default: .strange
    }
  }

  /// Whole seconds of `Retry-After`.
  static func retryAfter(_ answer: HTTPClientResponse) -> Int? {
    answer.status == 503 ? answer.headers.first("retry-after").flatMap { Int($0) } : nil
  }

  private static func unavailable(_ code: String?) -> Outcome {
    code == "unavailable" ? .unavailable : .unknown
  }

  private static func code(_ body: [UInt8]) -> String? {
    guard let fields = try? JSONFields(body, names: codeField), case .text(let range, let escaped) = fields[0]
    else { return nil }
    return fields.text(range, escaped: escaped)
  }

  private func coupon(_ body: [UInt8], user: String) -> SeenCoupon? {
    guard let fields = try? JSONFields(body, names: OutcomeReader.couponFields) else { return nil }
    func text(_ index: Int) -> String? {
      guard case .text(let range, let escaped) = fields[index] else { return nil }
      return fields.text(range, escaped: escaped)
    }
    guard let couponID = text(0).flatMap({ CouponID($0) }), fields[1] == .integer(Int64(policyID.value)),
      text(2) == user, let day = text(3).flatMap({ Day($0) }), let rank = fields[4],
      let issuedAt = text(5).flatMap({ Timestamp($0) })
    else { return nil }
    if case .integer(let rank) = rank {
      return SeenCoupon(couponID: couponID, rank: Int(rank), day: day, issuedAt: issuedAt)
    }
    return rank == .other ? SeenCoupon(couponID: couponID, rank: nil, day: day, issuedAt: issuedAt) : nil
  }
}
