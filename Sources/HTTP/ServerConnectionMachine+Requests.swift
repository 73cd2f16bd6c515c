internal import EventLoop

// From bytes to requests.
extension ServerConnectionMachine {
  /// The next request that the bytes hold and that may begin, or their refusal.
  mutating func nextRequest() -> Action? {
    while mayHoldRequest, stage == .open {
      let bytes = input?.bytes ?? arrived
      guard !bytes.isEmpty else { break }
      let action = if let body { takeBody(body, bytes) } else { takeHead(bytes) }
      if let input {
        input.consume(used)
      } else {
        arrived = UnsafeRawBufferPointer(rebasing: bytes[used...])
      }
      if let action { return action }
      if used == 0 { break }
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

  // `takeHead` and `takeBody` set `used`. (A tuple of count and action would be copied, with all that a request holds.)

  private mutating func takeHead(_ bytes: UnsafeRawBufferPointer) -> Action? {
    used = 0
    let parser = tools.parser
    switch parser.parse(bytes) {
    case .incomplete: return nil
    case .refused(let refusal): return refuse(refusal, using: bytes.count)
    case .complete(let length):
      if let refusal = refusal(of: parser) { return refuse(refusal, using: bytes.count) }
      let method = parser.method(bytes)
      let isSimple = method.isSafe && parser.body == .none
      // Requests that only read may be worked on side by side; any other waits for those before it.
      if mustWait || order.unanswered > 0 && !isSimple {
        isPaused = true
        return nil
      }
      isAlone = !isSimple
      restartLimit()
      return begin(method, bytes, headLength: length)
    }
  }

  private mutating func refuse(_ refusal: HTTPRefusal, using count: Int) -> Action {
    used = count
    return refuse(refusal)
  }

  private func refusal(of parser: HeadParser) -> HTTPRefusal? {
    if parser.hasUnknownExpectation { return .unknownExpectation }
    if case .bytes(let count) = parser.body, count > tools.configuration.maxBodyBytes { return .bodyTooLarge }
    return nil
  }

  /// Begins a request whose head has arrived.
  private mutating func begin(_ method: HTTPMethod, _ bytes: UnsafeRawBufferPointer, headLength: Int)
    -> Action?
  {
    let parser = tools.parser
    used = headLength
    let isHead = if case .head = method { true } else { false }
    let shape = AnswerShape(withoutBody: isHead, closes: parser.version == .http10 || parser.closes)
    // Complete from the start: a change afterwards, as for a body that is kept, copies it.
    let request = parser.request(bytes, isHead ? .get : method, receivedAt: seenAt)
    switch parser.body {
    case .none: return dispatch(request, shape)
    case .bytes(let count) where count <= bytes.count - headLength:
      used += count
      guard tools.configuration.keepsBodies else { return dispatch(request, shape) }
      var whole = request
      whole.body = Array(bytes[headLength..<headLength + count])
      return dispatch(whole, shape)
    case .bytes(let count):
      body = PartialBody(request, shape, .counted(remaining: count), keeps: tools.configuration.keepsBodies)
    case .chunked:
      let decoder = ChunkedDecoder(limit: tools.configuration.maxBodyBytes)
      body = PartialBody(request, shape, .chunked(decoder), keeps: tools.configuration.keepsBodies)
    }
    if parser.expectsContinue, parser.version == .http11, bytes.count == headLength {
      gather().append(ResponseWriter.continue)
    }
    return nil
  }

  private mutating func takeBody(_ partial: PartialBody, _ bytes: UnsafeRawBufferPointer) -> Action? {
    let (progress, consumed) = partial.take(bytes)
    used = consumed
    switch progress {
    case .needsMore: return nil
    case .done:
      body = nil
      restartLimit()
      return dispatch(partial.request, partial.shape)
    case .refused(let refusal): return refuse(refusal, using: bytes.count)
    }
  }

  private mutating func dispatch(_ request: consuming HTTPRequest, _ shape: AnswerShape) -> Action {
    if shape.closes { stage = .finishing }
    return .dispatch(request, order.begin(shape))
  }
}
