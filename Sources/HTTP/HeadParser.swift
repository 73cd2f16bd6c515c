internal import EventLoop

/// How large a head may be; a larger one is refused.
package struct HTTPHeadLimits: Sendable {
  package var startLineBytes: Int
  package var headBytes: Int
  package var headers: Int

  /// At most 64 KiB, because a header's position is stored in sixteen bits.
  package init(startLineBytes: Int = 4096, headBytes: Int = 8192, headers: Int = 64) {
    self.headBytes = min(headBytes, Int(UInt16.max))
    self.startLineBytes = min(startLineBytes, self.headBytes)
    self.headers = headers
  }
}

/// Reads the first line and the header lines of a request or of an answer.
///
/// Each call gets all bytes of the head that have arrived so far, from the first on; only the results are kept between
/// calls. Errors are found in the order of the bytes, so the result does not depend on the pieces in which a head
/// arrives: a longer piece gives the same result, unless the shorter one was `incomplete`.
package final class HeadParser {
  package enum Kind { case request, answer }

  package enum Result: Equatable {
    case incomplete
    /// The head ends before the byte `length`; the parser's properties hold the results.
    case complete(length: Int)
    case refused(HTTPRefusal)
  }

  /// How the head says where the body ends.
  package enum BodyLength: Equatable {
    case none
    /// Capped at `Int.max`.
    case bytes(Int)
    case chunked
  }

  private let kind: Kind
  private let limits: HTTPHeadLimits
  private let classes = ByteClasses.shared
  private let fields: UnsafeMutablePointer<HeaderField>
  private var found: HeadReader

  package init(_ kind: Kind, limits: HTTPHeadLimits = HTTPHeadLimits()) {
    self.kind = kind
    self.limits = limits
    fields = .allocate(capacity: max(1, limits.headers))
    found = HeadReader(kind: kind, limits: limits, classes: classes, fields: fields)
  }

  deinit { fields.deallocate() }

  /// Reads a head from its first byte on.
  package func parse(_ bytes: UnsafeRawBufferPointer) -> Result {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return .incomplete }
    var reader = HeadReader(kind: kind, limits: limits, classes: classes, fields: fields)
    guard let length = reader.readHead(HeadBytes(base: base, count: bytes.count)) else {
      return reader.failure
    }
    found = reader
    return .complete(length: length)
  }

  package var version: HTTPVersion { found.version }
  package var body: BodyLength { found.body }
  package var closes: Bool { found.closes }
  package var keepsAlive: Bool { found.keepsAlive }
  package var expectsContinue: Bool { found.expectsContinue }
  package var hasUnknownExpectation: Bool { found.hasUnknownExpectation }
  /// The status of an answer.
  package var status: Int { found.status }

  /// The request's method, read from the bytes that were parsed last.
  func method(_ bytes: UnsafeRawBufferPointer) -> HTTPMethod { found.method(bytes) }

  /// The header lines, copied out of the bytes that were parsed last.
  package func headers(_ bytes: UnsafeRawBufferPointer) -> HTTPHeaders { found.headers(bytes) }

  /// The request without its body, read from the bytes that were parsed last.
  package func request(_ bytes: UnsafeRawBufferPointer) -> HTTPRequest {
    request(bytes, method(bytes), receivedAt: nil)
  }

  /// The same with another method (a handler sees a HEAD as a GET) and the time of its arrival.
  func request(_ bytes: UnsafeRawBufferPointer, _ method: HTTPMethod, receivedAt: Instant?) -> HTTPRequest {
    found.request(bytes, method, receivedAt: receivedAt)
  }
}
