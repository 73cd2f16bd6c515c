/// A request whose body is still arriving.
final class PartialBody {
  enum Framing {
    case counted(remaining: Int)
    case chunked(ChunkedDecoder)
  }

  private(set) var request: HTTPRequest
  let shape: AnswerShape
  private var framing: Framing
  /// Whether the request gets the body; otherwise it is only read.
  private let keeps: Bool

  init(_ request: HTTPRequest, _ shape: AnswerShape, _ framing: Framing, keeps: Bool) {
    self.keeps = keeps
    self.request = request
    self.shape = shape
    self.framing = framing
  }

  /// Takes the bytes that belong to the body; `consumed` is less than the whole only if the body ends before.
  func take(_ bytes: UnsafeRawBufferPointer) -> (progress: ChunkedDecoder.Progress, consumed: Int) {
    switch framing {
    case .counted(let remaining):
      let count = min(remaining, bytes.count)
      if keeps { request.body.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[..<count])) }
      framing = .counted(remaining: remaining - count)
      return (count == remaining ? .done : .needsMore, count)
    case .chunked(var decoder):
      let step =
        keeps ? decoder.decode(bytes, into: &request.body) : decoder.decode(bytes) { _ in }
      framing = .chunked(decoder)
      return step
    }
  }
}
