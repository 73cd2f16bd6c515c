/// Why bytes are refused as an HTTP message. Nothing is guessed: what can be read in two ways is refused.
package enum HTTPRefusal: Error, Hashable, Sendable, CaseIterable {
  // The bytes of a line.
  case bareCarriageReturn, bareLineFeed, controlCharacter
  // The first line.
  case badStartLine, badTarget, unsupportedVersion, startLineTooLong
  // The header.
  case headTooLarge, tooManyHeaders
  case missingColon, spaceBeforeColon, foldedLine, badHeaderName
  case missingHost, repeatedHost, badHost
  // The body's length.
  case badContentLength, repeatedContentLength, badTransferEncoding, ambiguousLength
  case bodyTooLarge, badChunk
  // Time limits and the server's own limits.
  case headTimeout, bodyTimeout, unknownExpectation, tooManyConnections

  /// The status of the answer.
  package var status: Int {
    switch self {
    case .unsupportedVersion: 505
    case .startLineTooLong: 414
    case .headTooLarge, .tooManyHeaders: 431
    case .bodyTooLarge: 413
    case .headTimeout, .bodyTimeout: 408
    case .unknownExpectation: 417
    case .tooManyConnections: 503
    default: 400
    }
  }

  /// For programs; its meaning never changes.
  package var code: String {
    switch status {
    case 408: "request-timeout"
    case 413: "body-too-large"
    case 414: "target-too-long"
    case 417: "expectation-failed"
    case 431: "header-too-large"
    case 503: "unavailable"
    case 505: "version-not-supported"
    default: "malformed-request"
    }
  }

  /// One sentence for people; it quotes no byte of the request.
  package var detail: String {
    switch self {
    case .bareCarriageReturn: "A carriage return stands without its line feed."
    case .bareLineFeed: "A line feed stands without its carriage return."
    case .controlCharacter: "The head contains a control character."
    case .badStartLine: "The first line is not a method, a target and a version."
    case .badTarget: "The target is neither a path that begins with a slash nor the http address of one."
    case .unsupportedVersion: "Only HTTP/1.1 and HTTP/1.0 are spoken here."
    case .startLineTooLong: "The first line is too long."
    case .headTooLarge: "The head is too large."
    case .tooManyHeaders: "There are too many header lines."
    case .missingColon: "A header line has no colon."
    case .spaceBeforeColon: "A header name is followed by a space."
    case .foldedLine: "A header line is folded."
    case .badHeaderName: "A header name is empty or has a character that is not allowed."
    case .missingHost: "The Host header is missing."
    case .repeatedHost: "There is more than one Host header."
    case .badHost: "The Host header is not a host."
    case .badContentLength: "Content-Length is not a plain number."
    case .repeatedContentLength: "There is more than one Content-Length."
    case .badTransferEncoding: "The only transfer encoding is chunked, once, in HTTP/1.1."
    case .ambiguousLength: "Content-Length and Transfer-Encoding exclude each other."
    case .bodyTooLarge: "The body is too large."
    case .badChunk: "The chunked body is broken."
    case .headTimeout: "The head did not arrive in time."
    case .bodyTimeout: "The body did not arrive in time."
    case .unknownExpectation: "The only expectation is 100-continue."
    case .tooManyConnections: "There are too many connections."
    }
  }
}
