import CouponDomain
import HTTP

/// The rules for `X-User-Id`. The gateway in front sets it, is responsible for identity, and is trusted.
enum UserIDRule: String, Error, CaseIterable {
  case missing = "X-User-Id is required."
  case repeated = "X-User-Id must be sent once."
  case empty = "X-User-Id must not be empty."
  case tooLong = "X-User-Id must be at most 64 bytes long."
  case characters = "X-User-Id must consist of the characters A-Z, a-z, 0-9, '.', '_' and '-'."
}

extension HTTPRequest {
  /// The person who sent the request.
  func userID() throws(UserIDRule) -> UserID {
    var user: UserID?
    var broken = UserIDRule.missing
    headers.withFirst("x-user-id") { value, isOnly in
      guard isOnly else { return broken = .repeated }
      user = UserID(ascii: value)
      broken = value.isEmpty ? .empty : value.count > UserID.maximumLength ? .tooLong : .characters
    }
    guard let user else { throw broken }
    return user
  }

  /// The first value of a name in the query; nil if there is none. Nothing is unescaped.
  func queryValue(_ name: String) -> Substring? {
    guard let query else { return nil }
    for pair in query.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts[0] == name { return parts.count == 2 ? parts[1] : "" }
    }
    return nil
  }
}
