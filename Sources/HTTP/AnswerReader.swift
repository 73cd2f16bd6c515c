/// Assembles one answer from the pieces that arrive.
package struct AnswerReader {
  package enum Progress {
    case needsMore
    /// `isReusable`: another request may follow on this connection.
    case done(HTTPClientResponse, isReusable: Bool)
    case bad(String)
  }

  private enum Framing {
    case head
    case counted(remaining: Int)
    case chunked(ChunkedDecoder)
    case untilClose
  }

  private var framing = Framing.head
  private var response = HTTPClientResponse(status: 0, headers: HTTPHeaders(), body: [])
  private var isReusable = false
  private let maxBodyBytes: Int
  /// Answers to HEAD have no body, whatever their length says.
  private let isHead: Bool

  package init(maxBodyBytes: Int, isHead: Bool) {
    self.maxBodyBytes = maxBodyBytes
    self.isHead = isHead
  }

  /// Takes the bytes that belong to the answer. An incomplete head is not taken: it must be passed again together with
  /// what follows.
  package mutating func take(_ bytes: UnsafeRawBufferPointer, _ parser: HeadParser) -> (
    Progress, consumed: Int
  ) {
    var used = 0
    while true {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
      switch framing {
      case .head:
        switch parser.parse(rest) {
        case .incomplete: return (.needsMore, used)
        case .refused(let refusal): return (.bad(refusal.detail), used)
        case .complete(let length):
          used += length
          if parser.status < 200 { continue }
          if let progress = begin(parser, rest) { return (progress, used) }
        }
      case .counted, .chunked, .untilClose:
        let (progress, consumed) = takeBody(rest)
        return (progress, used + consumed)
      }
    }
  }

  /// The peer has closed, which ends an answer without a length.
  package func ended() -> HTTPClientResponse? {
    if case .untilClose = framing { return response }
    return nil
  }

  private mutating func begin(_ parser: HeadParser, _ bytes: UnsafeRawBufferPointer) -> Progress? {
    response = HTTPClientResponse(status: parser.status, headers: parser.headers(bytes), body: [])
    isReusable = !parser.closes && (parser.version == .http11 || parser.keepsAlive)
    if isHead || parser.status == 204 || parser.status == 304 { return finished }
    switch parser.body {
    case .bytes(0): return finished
    case .bytes(let count):
      guard count <= maxBodyBytes else { return .bad(HTTPRefusal.bodyTooLarge.detail) }
      framing = .counted(remaining: count)
    case .chunked: framing = .chunked(ChunkedDecoder(limit: maxBodyBytes))
    case .none: framing = .untilClose
    }
    return nil
  }

  private var finished: Progress { .done(response, isReusable: isReusable) }

  private mutating func takeBody(_ bytes: UnsafeRawBufferPointer) -> (Progress, consumed: Int) {
    switch framing {
    case .counted(let remaining):
      let count = min(remaining, bytes.count)
      response.body.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
      framing = .counted(remaining: remaining - count)
      return (count == remaining ? finished : .needsMore, count)
    case .chunked(var decoder):
      let (progress, consumed) = decoder.decode(bytes, into: &response.body)
      framing = .chunked(decoder)
      switch progress {
      case .needsMore: return (.needsMore, consumed)
      case .done: return (finished, consumed)
      case .refused(let refusal): return (.bad(refusal.detail), consumed)
      }
    case .untilClose, .head:
      guard response.body.count + bytes.count <= maxBodyBytes else {
        return (.bad(HTTPRefusal.bodyTooLarge.detail), 0)
      }
      isReusable = false
      response.body.append(contentsOf: bytes)
      return (.needsMore, bytes.count)
    }
  }
}
