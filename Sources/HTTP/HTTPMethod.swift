/// The method of a request. Methods are case-sensitive: `get` is `.other("get")`.
package enum HTTPMethod: Hashable, Sendable {
  case get, head, post, put, delete
  case other(String)

  package var name: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .other(let name): name
    }
  }

  /// Whether the method only reads, so that several requests may be in flight at once (RFC 9112, 9.3.2).
  package var isSafe: Bool { self == .get || self == .head }
}

/// The two versions that are supported; any other is refused with 505.
package enum HTTPVersion: Hashable, Sendable {
  case http10, http11
}
