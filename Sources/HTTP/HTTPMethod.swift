/// The method of a request. Methods are case-sensitive: `get` is `.other("get")`.
package enum HTTPMethod: Hashable, Sendable {
  case get, head, post, put, delete
  case other(String)

  package init(_ name: String) {
    switch name {
    case "GET": self = .get
    case "HEAD": self = .head
    case "POST": self = .post
    case "PUT": self = .put
    case "DELETE": self = .delete
    default: self = .other(name)
    }
  }

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

  /// Whether the method only reads, so that several may be worked on at once (RFC 9112, 9.3.2).
  package var isSafe: Bool { self == .get || self == .head }
}

/// The two versions that are spoken; any other is refused with 505.
package enum HTTPVersion: Hashable, Sendable {
  case http10, http11
}
