internal import EventLoop

/// One connection of a server.
///
///     open ──last answer known──▶ finishing ──it has left──▶ lingering ──peer closed, or time──▶ closed
///       └──────────── reset, or idle for too long, or nobody reads the answers ───────────────────▶ ┘
///
/// Lingering: writing is shut and what still arrives is thrown away, because closing with unread bytes
/// would reset the connection and eat the answer.
@LoopActor
final class ServerConnection {
  enum Stage { case open, finishing, lingering, closed }

  /// What the connection's deadline is for.
  enum Waiting { case nothing, head, body, idle, write, linger }

  let server: HTTPServer
  let descriptor: Int32
  let slot: Int
  var stage = Stage.open
  private var watch: DescriptorWatch?
  private var waiting = Waiting.nothing
  private var lingered = 0
  private var peerHasEnded = false

  /// Bytes that arrived and are not used yet: a partial head, or requests that must wait.
  private var input: ByteQueue?
  /// The request whose body is arriving.
  var body: PartialBody?
  /// What has not left yet.
  var output: ByteQueue?
  var isFlushPlanned = false
  private var isWriteBlocked = false
  /// Since when what has arrived waits to be read in a later turn.
  private var putOffSince: Instant?
  /// How often the loop has told of it again since. Being told costs little, once; to stop the watch and to begin it anew
  /// costs three calls of the system, and is worth them only where the line is long.
  private var tellings = 0
  private static let tellingsAtMost = 3
  /// When the bytes that are read now were first seen.
  var seenAt: Instant { putOffSince ?? server.now }
  /// The next request may not begin before others are answered or their answers have left.
  var isPaused = false

  /// Requests are numbered in their order; those from `nextAnswer` to `nextRequest` wait for their answers.
  var nextRequest: UInt32 = 0
  var nextAnswer: UInt32 = 0
  /// Answers that are known before their turn has come.
  var early: [(number: UInt32, response: HTTPResponse, shape: AnswerShape)] = []
  /// The request in flight changes something: no other is begun beside it.
  var isAlone = false
  /// The last answer that this connection may give has been written.
  var hasAnsweredLast = false

  init(server: HTTPServer, descriptor: Int32, slot: Int) {
    self.server = server
    self.descriptor = descriptor
    self.slot = slot
  }

  /// False where the loop cannot watch the socket.
  func start() -> Bool {
    let watch = DescriptorWatch(descriptor) { readiness in self.ready(readiness) }
    guard watch.isWatching else { return false }
    self.watch = watch
    settle()
    return true
  }

  var unanswered: Int { Int(nextRequest &- nextAnswer) }

  private var isIdle: Bool {
    stage == .open && unanswered == 0 && output == nil && body == nil && input == nil
  }

  // MARK: - Events

  private func ready(_ readiness: Readiness) {
    if stage != .closed, readiness.contains(.writable), isWriteBlocked { flush() }
    guard readiness.contains(.readable) else { return }
    if putOffSince != nil {
      tellings += 1
      if tellings == ServerConnection.tellingsAtMost { settle() }
      return
    }
    if server.mayRead(self) { return readOnce() }
    putOffSince = .now
  }

  /// The server has time for what has arrived.
  func readPutOff() {
    readOnce()
    putOffSince = nil
    let wasUnwatched = tellings >= ServerConnection.tellingsAtMost
    tellings = 0
    if wasUnwatched { settle() }
  }

  private func readOnce() {
    guard stage == .lingering || stage == .open && !isPaused, !peerHasEnded else { return }
    server.readClock()
    switch SocketIO.read(descriptor, into: server.readBuffer.bytes) {
    case .bytes(let count): receive(server.readBuffer.first(count))
    case .blocked: break
    case .ended: peerEnded()
    case .failed: close()
    }
  }

  private func receive(_ bytes: UnsafeRawBufferPointer) {
    if stage == .lingering {
      lingered += bytes.count
      if lingered > server.configuration.maxLingerBytes { close() }
      return
    }
    if let input {
      input.append(bytes)
      useInput(input)
    } else {
      let used = use(bytes)
      if used < bytes.count, stage == .open {
        let input = server.buffers.take()
        input.append(UnsafeRawBufferPointer(rebasing: bytes[used...]))
        self.input = input
      }
    }
    if !isFlushPlanned { settle() }
  }

  private func useInput(_ input: ByteQueue) {
    input.consume(use(input.bytes))
    if input.isEmpty || stage != .open { dropInput() }
  }

  private func dropInput() {
    if let input { server.buffers.giveBack(input) }
    input = nil
  }

  private func peerEnded() {
    peerHasEnded = true
    body = nil
    dropInput()
    if stage == .lingering || unanswered == 0 && output == nil { return close() }
    stage = .finishing
    settle()
  }

  /// The connection's deadline has passed.
  func expire() {
    switch waiting {
    case .head: refuse(.headTimeout)
    case .body: refuse(.bodyTimeout)
    case .write:
      server.statistics.writeTimeouts += 1
      close()
    case .idle:
      server.statistics.idleTimeouts += 1
      close()
    case .linger: close()
    case .nothing: break
    }
  }

  func beginDraining() {
    guard isIdle else { return }
    // What the peer has sent by now is still answered.
    readOnce()
    if isIdle { close() }
  }

  // MARK: - Writing

  /// Writes what there is, once; the rest when the socket takes more.
  func flush() {
    isFlushPlanned = false
    guard stage != .closed else { return }
    if let output, !output.isEmpty {
      switch SocketIO.write(descriptor, output.bytes) {
      case .bytes(let count):
        output.consume(count)
        if waiting == .write { waiting = .nothing }
      case .blocked, .ended: break
      case .failed: return close()
      }
    }
    if let output, output.isEmpty {
      server.buffers.giveBack(output)
      self.output = nil
    }
    isWriteBlocked = output != nil
    if !isWriteBlocked, isFinished { return finish() }
    if isPaused, stage == .open, !mustWait {
      isPaused = false
      if let input { useInput(input) }
    }
    settle()
  }

  /// Whether nothing is left to answer and no further request is taken.
  private var isFinished: Bool {
    if hasAnsweredLast { return true }
    guard unanswered == 0 else { return false }
    return stage == .finishing || server.isDraining && body == nil && input == nil
  }

  /// Everything has been answered and has left.
  private func finish() {
    dropInput()
    if peerHasEnded { return close() }
    stage = .lingering
    SocketIO.shutdownWriting(descriptor)
    settle()
  }

  /// Sets what to wait for, and until when.
  private func settle() {
    guard stage != .closed else { return }
    var interest = Readiness()
    if stage == .lingering || stage == .open && !isPaused, !peerHasEnded,
      tellings < ServerConnection.tellingsAtMost
    {
      interest.insert(.readable)
    }
    if isWriteBlocked { interest.insert(.writable) }
    watch?.watch(interest)
    let next = whatToWaitFor
    if next != waiting || next == .idle { arm(next) }
  }

  private var whatToWaitFor: Waiting {
    if stage == .lingering { return .linger }
    if isWriteBlocked { return .write }
    if body != nil { return .body }
    if unanswered > 0 || stage == .finishing { return .nothing }
    return input != nil || nextRequest == 0 ? .head : .idle
  }

  private func arm(_ next: Waiting) {
    waiting = next
    let configuration = server.configuration
    switch next {
    case .nothing: server.deadlines.clear(slot)
    case .head: server.deadlines.set(slot, server.now + configuration.headTimeout)
    case .body: server.deadlines.set(slot, server.now + configuration.bodyTimeout)
    case .idle: server.deadlines.set(slot, server.now + configuration.idleTimeout)
    case .write: server.deadlines.set(slot, server.now + configuration.writeTimeout)
    case .linger: server.deadlines.set(slot, server.now + configuration.lingerTimeout)
    }
  }

  /// The time limit of what has just been completed does not count for what comes next.
  func restartClock() { waiting = .nothing }

  func close() {
    guard stage != .closed else { return }
    stage = .closed
    watch?.stop()
    watch = nil
    Sockets.close(descriptor)
    dropInput()
    if let output { server.buffers.giveBack(output) }
    output = nil
    body = nil
    early = []
    server.forget(slot)
  }
}
