internal import EventLoop

/// One connection of a client.
///
///     connecting ─▶ idle ◀─▶ busy (one request) ─▶ closed
@LoopActor
final class ClientConnection {
  private enum Stage { case connecting, idle, busy, closed }

  private let client: HTTPClient
  private let slot: Int
  private var socket: WatchedSocket
  private var stage = Stage.connecting

  private var call: ClientCall?
  private var written = 0
  private var reader: AnswerReader?
  /// The part of a head that has arrived.
  private var input: ByteQueue?

  init(client: HTTPClient, descriptor: Int32, slot: Int) {
    self.client = client
    self.slot = slot
    socket = WatchedSocket(descriptor)
  }

  func start() {
    client.deadlines.set(slot, .now + client.configuration.connectTimeout)
    _ = socket.beginWatching { readiness in self.ready(readiness) }
    socket.wait(for: .writable)
  }

  var isIdle: Bool { stage == .idle }

  private func ready(_ readiness: Readiness) {
    switch stage {
    case .connecting: connected()
    case .idle: readOnce()
    case .busy:
      if readiness.contains(.writable), !isAllWritten { writeOn() }
      if stage == .busy, readiness.contains(.readable) { readOnce() }
    case .closed: break
    }
  }

  private func connected() {
    let code = socket.pendingError
    guard code == 0 else { return couldNotConnect(WatchedSocket.text(code)) }
    stage = .idle
    client.deadlines.clear(slot)
    socket.wait(for: .readable)
    client.becameIdle(self, wasConnecting: true)
  }

  private func couldNotConnect(_ reason: String) {
    close()
    client.couldNotConnect(reason)
  }

  // MARK: - A request

  /// Sends a request. False if no byte of it could be sent: then this connection is closed, the request untouched.
  func begin(_ call: ClientCall) -> Bool {
    guard stage == .idle else { return false }
    stage = .busy
    written = 0
    // Taken before the first byte leaves: the server may answer before this thread runs again.
    let began: Instant? = call.onSent == nil ? nil : .now
    switch call.bytes.withUnsafeBytes({ socket.write($0) }) {
    case .bytes(let count): written = count
    case .blocked, .ended: break
    case .failed:
      close()
      return false
    }
    self.call = call
    if let began { call.onSent?(began) }
    reader = AnswerReader(maxBodyBytes: client.configuration.maxBodyBytes, isHead: call.isHead)
    client.deadlines.set(slot, call.deadline)
    if !isAllWritten { socket.wait(for: [.readable, .writable]) }
    return true
  }

  private var isAllWritten: Bool { written == call?.bytes.count ?? 0 }

  private func writeOn() {
    guard let call else { return }
    let rest = call.bytes.withUnsafeBytes {
      socket.write(UnsafeRawBufferPointer(rebasing: $0[written...]))
    }
    switch rest {
    case .bytes(let count):
      written += count
      if isAllWritten { socket.wait(for: .readable) }
    case .blocked, .ended: break
    case .failed(let code):
      // The server may have answered before the whole request had arrived.
      readOnce()
      if stage == .busy { fail(WatchedSocket.text(code)) }
    }
  }

  // MARK: - Its answer

  private func readOnce() {
    switch socket.read(into: client.readBuffer.bytes) {
    case .bytes(let count): receive(client.readBuffer.first(count))
    case .blocked: break
    case .ended: ended()
    case .failed(let code): fail(WatchedSocket.text(code))
    }
  }

  private func receive(_ bytes: UnsafeRawBufferPointer) {
    // Bytes without a request cannot be told apart from the answer to the next one.
    guard stage == .busy else { return close() }
    if let input {
      input.append(bytes)
      if let used = use(input.bytes) {
        input.consume(used)
        if input.isEmpty { dropInput() }
      }
    } else if let used = use(bytes), used < bytes.count {
      let input = client.buffers.take()
      input.append(UnsafeRawBufferPointer(rebasing: bytes[used...]))
      self.input = input
    }
  }

  /// Returns how many bytes were used while the answer is incomplete, else nil.
  private func use(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let (progress, consumed) = reader?.take(bytes, client.parser) else { return nil }
    switch progress {
    case .needsMore: return consumed
    case .done(let response, let isReusable):
      succeed(response, isReusable: isReusable && consumed == bytes.count && isAllWritten)
    case .bad(let reason): resolve(.failure(.badAnswer(reason)), isReusable: false)
    }
    return nil
  }

  private func ended() {
    if let response = reader?.ended() { return succeed(response, isReusable: false) }
    fail("the connection was closed")
  }

  private func succeed(_ response: HTTPClientResponse, isReusable: Bool) {
    resolve(.success(response), isReusable: isReusable)
  }

  private func resolve(_ outcome: HTTPClient.Outcome, isReusable: Bool) {
    guard let call else { return close() }
    self.call = nil
    reader = nil
    dropInput()
    if isReusable {
      stage = .idle
      client.deadlines.clear(slot)
      client.becameIdle(self, wasConnecting: false)
    } else {
      close()
      client.connectMore()
    }
    call.completion(outcome)
  }

  // MARK: - The end

  /// The connection's deadline has passed.
  func expire() {
    switch stage {
    case .connecting: couldNotConnect("no connection in time")
    case .busy: fail("no answer before the deadline")
    case .idle, .closed: break
    }
  }

  func abort(_ reason: String) {
    if stage == .connecting { couldNotConnect(reason) } else { fail(reason) }
  }

  private func fail(_ reason: String) {
    guard call != nil else { return close() }
    resolve(.failure(written == 0 ? .neverSent(reason) : .sentNoAnswer(reason)), isReusable: false)
  }

  private func dropInput() {
    if let input { client.buffers.giveBack(input) }
    input = nil
  }

  private func close() {
    guard stage != .closed else { return }
    stage = .closed
    socket.close()
    dropInput()
    client.forget(slot)
  }
}
