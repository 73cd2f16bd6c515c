internal import EventLoop

// From bytes to requests.
extension ServerConnectionMachine {
  private typealias Step = (used: Int, action: Action?)

  /// The next request that the bytes hold and that may begin, or their refusal.
  mutating func nextRequest() -> Action? {
    while mayHoldRequest, stage == .open {
      let bytes = input?.bytes ?? arrived
      guard !bytes.isEmpty else { break }
      let step = body.map { takeBody($0, bytes) } ?? takeHead(bytes)
      if let input {
        input.consume(step.used)
      } else {
        arrived = UnsafeRawBufferPointer(rebasing: bytes[step.used...])
      }
      if let action = step.action { return action }
      if step.used == 0 { break }
    }
    keepRest()
    return nil
  }

  /// Keeps what has arrived and cannot be used yet.
  private mutating func keepRest() {
    mayHoldRequest = false
    if stage == .open, !arrived.isEmpty {
      let fresh = tools.buffers.take()
      fresh.append(arrived)
      input = fresh
    }
    arrived = UnsafeRawBufferPointer(start: nil, count: 0)
    if stage != .open || input?.isEmpty == true { dropInput() }
  }

  mutating func dropInput() {
    if let input { tools.buffers.giveBack(input) }
    input = nil
  }

  private mutating func takeHead(_ bytes: UnsafeRawBufferPointer) -> Step {
    let parser = tools.parser
    switch parser.parse(bytes) {
    case .incomplete: return (0, nil)
    case .refused(let refusal): return (bytes.count, refuse(refusal))
    case .complete(let length):
      if let refusal = refusal(of: parser) { return (bytes.count, refuse(refusal)) }
      let isSimple = parser.method(bytes).isSafe && parser.body == .none
      // Requests that only read may be worked on side by side; any other waits for those before it.
      if mustWait || order.unanswered > 0 && !isSimple {
        isPaused = true
        return (0, nil)
      }
      isAlone = !isSimple
      restartLimit()
      return begin(parser.request(bytes), bytes, headLength: length)
    }
  }

  private func refusal(of parser: HeadParser) -> HTTPRefusal? {
    if parser.hasUnknownExpectation { return .unknownExpectation }
    if case .bytes(let count) = parser.body, count > tools.configuration.maxBodyBytes { return .bodyTooLarge }
    return nil
  }

  /// Begins a request whose head has arrived.
  private mutating func begin(
    _ parsed: consuming HTTPRequest, _ bytes: UnsafeRawBufferPointer, headLength: Int
  ) -> Step {
    let parser = tools.parser
    var request = consume parsed
    request.receivedAt = seenAt
    let shape = AnswerShape(
      withoutBody: request.method == .head, closes: request.version == .http10 || parser.closes)
    if request.method == .head { request.method = .get }
    switch parser.body {
    case .none: return (headLength, dispatch(request, shape))
    case .bytes(let count) where count <= bytes.count - headLength:
      if tools.configuration.keepsBodies { request.body = Array(bytes[headLength..<headLength + count]) }
      return (headLength + count, dispatch(request, shape))
    case .bytes(let count):
      body = PartialBody(request, shape, .counted(remaining: count), keeps: tools.configuration.keepsBodies)
    case .chunked:
      let decoder = ChunkedDecoder(limit: tools.configuration.maxBodyBytes)
      body = PartialBody(request, shape, .chunked(decoder), keeps: tools.configuration.keepsBodies)
    }
    if parser.expectsContinue, request.version == .http11, bytes.count == headLength {
      gather().append(ResponseWriter.continue)
    }
    return (headLength, nil)
  }

  private mutating func takeBody(_ partial: PartialBody, _ bytes: UnsafeRawBufferPointer) -> Step {
    let (progress, consumed) = partial.take(bytes)
    switch progress {
    case .needsMore: return (consumed, nil)
    case .done:
      body = nil
      restartLimit()
      return (consumed, dispatch(partial.request, partial.shape))
    case .refused(let refusal): return (bytes.count, refuse(refusal))
    }
  }

  private mutating func dispatch(_ request: HTTPRequest, _ shape: AnswerShape) -> Action {
    if shape.closes { stage = .finishing }
    return .dispatch(request, order.begin(shape))
  }
}
