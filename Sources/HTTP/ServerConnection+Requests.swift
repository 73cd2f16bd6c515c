internal import EventLoop

// From bytes to requests, and from answers to bytes.
extension ServerConnection {
  /// Takes all requests that the bytes hold and that may begin; returns how many bytes were used.
  func use(_ bytes: UnsafeRawBufferPointer) -> Int {
    var used = 0
    while used < bytes.count, stage == .open {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
      let step = body.map { takeBody($0, rest) } ?? takeHead(rest)
      if step == 0 { break }
      used += step
    }
    return used
  }

  /// Whether not even a safe request may begin now.
  var mustWait: Bool {
    if unanswered > 0, isAlone || server.isDraining { return true }
    return unanswered >= server.configuration.maxPipelined
      || output?.count ?? 0 > server.configuration.maxUnsentBytes
  }

  private func takeHead(_ bytes: UnsafeRawBufferPointer) -> Int {
    let parser = server.parser
    switch parser.parse(bytes) {
    case .incomplete: return 0
    case .refused(let refusal):
      refuse(refusal)
      return bytes.count
    case .complete(let length):
      if let refusal = refusal(of: parser) {
        refuse(refusal)
        return bytes.count
      }
      let method = parser.method(bytes)
      let isSimple = method.isSafe && parser.body == .none
      // Requests that only read may be worked on side by side; any other waits for those before it.
      if mustWait || unanswered > 0 && !isSimple {
        isPaused = true
        return 0
      }
      return begin(parser.request(bytes), isSimple: isSimple, bytes, headLength: length)
    }
  }

  private func refusal(of parser: HeadParser) -> HTTPRefusal? {
    if parser.hasUnknownExpectation { return .unknownExpectation }
    if case .bytes(let count) = parser.body, count > server.configuration.maxBodyBytes {
      return .bodyTooLarge
    }
    return nil
  }

  /// Begins a request whose head has arrived; returns how many bytes of it were used.
  private func begin(
    _ arrived: HTTPRequest, isSimple: Bool, _ bytes: UnsafeRawBufferPointer, headLength: Int
  ) -> Int {
    let parser = server.parser
    var request = arrived
    request.receivedAt = seenAt
    let shape = AnswerShape(
      withoutBody: request.method == .head, closes: request.version == .http10 || parser.closes)
    if request.method == .head { request.method = .get }
    isAlone = !isSimple
    restartClock()
    switch parser.body {
    case .none:
      dispatch(request, shape)
      return headLength
    case .bytes(let count) where count <= bytes.count - headLength:
      request.body = Array(bytes[headLength..<headLength + count])
      dispatch(request, shape)
      return headLength + count
    case .bytes(let count): body = PartialBody(request, shape, .counted(remaining: count))
    case .chunked:
      let limit = server.configuration.maxBodyBytes
      body = PartialBody(request, shape, .chunked(ChunkedDecoder(limit: limit)))
    }
    if parser.expectsContinue, request.version == .http11, bytes.count == headLength {
      gather().append(ResponseWriter.continue)
    }
    return headLength
  }

  private func takeBody(_ partial: PartialBody, _ bytes: UnsafeRawBufferPointer) -> Int {
    let (progress, consumed) = partial.take(bytes)
    switch progress {
    case .needsMore: return consumed
    case .done:
      body = nil
      restartClock()
      dispatch(partial.request, partial.shape)
      return consumed
    case .refused(let refusal):
      refuse(refusal)
      return bytes.count
    }
  }

  private func dispatch(_ request: HTTPRequest, _ shape: AnswerShape) {
    let number = nextRequest
    nextRequest &+= 1
    server.statistics.requests += 1
    if shape.closes { stage = .finishing }
    switch server.handler(request) {
    case .now(let response): answer(number, response, shape)
    case .later(let work):
      server.statistics.requestsInFlight += 1
      EventLoop.shared.spawn { [self] in
        let response = await work()
        server.statistics.requestsInFlight -= 1
        server.readClock()
        answer(number, response, shape)
      }
    case .told(let ask):
      server.statistics.requestsInFlight += 1
      ask { [self] response in
        server.statistics.requestsInFlight -= 1
        server.readClock()
        answer(number, response, shape)
      }
    }
  }

  /// Answers with an error and closes, behind the answers to the requests before.
  func refuse(_ refusal: HTTPRefusal) {
    server.statistics.refusals[refusal.status, default: 0] += 1
    body = nil
    stage = .finishing
    let number = nextRequest
    nextRequest &+= 1
    answer(number, .refusal(refusal), AnswerShape(closes: true))
  }

  private func answer(_ number: UInt32, _ response: HTTPResponse, _ shape: AnswerShape) {
    guard stage != .closed, !hasAnsweredLast else { return }
    guard number == nextAnswer else {
      early.append((number, response, shape))
      return
    }
    write(response, shape)
    while let index = early.firstIndex(where: { $0.number == nextAnswer }), !hasAnsweredLast {
      let next = early.remove(at: index)
      write(next.response, next.shape)
    }
  }

  private func write(_ response: HTTPResponse, _ shape: AnswerShape) {
    nextAnswer &+= 1
    var shape = shape
    if response.close || server.isDraining && unanswered == 0 { shape.closes = true }
    if shape.closes {
      hasAnsweredLast = true
      if stage == .open { stage = .finishing }
    }
    ResponseWriter.write(response, shape, date: server.date.bytes, to: gather())
  }

  /// The buffer for what leaves at the turn's end.
  private func gather() -> ByteQueue {
    if !isFlushPlanned {
      isFlushPlanned = true
      server.flushAtTurnEnd(self)
    }
    if let output { return output }
    let fresh = server.buffers.take()
    output = fresh
    return fresh
  }
}
