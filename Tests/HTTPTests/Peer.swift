import EventLoop
import HTTP

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The other end of a connection, byte for byte: what a well-behaved client would never send, and what
/// really comes back.
@LoopActor
final class Peer {
  enum End: Equatable { case open, closed, reset }

  let descriptor: Int32
  private var watch: DescriptorWatch?
  private(set) var received: [UInt8] = []
  private(set) var end = End.open
  private var waiter: (isEnough: (Peer) -> Bool, done: Completion<Void>)?
  private var unsent: [UInt8] = []
  private var readsAutomatically = true

  init(port: Int) async throws {
    descriptor = try Sockets.connect(to: SocketAddress(numericHost: "127.0.0.1", port: port))
    let connected = Completion<Void>()
    let watch = DescriptorWatch(descriptor) { readiness in
      if !connected.isDone {
        connected.succeed(())
        return
      }
      self.ready(readiness)
    }
    self.watch = watch
    watch.watch(.writable)
    try await connected.value(deadline: .now + .seconds(30))
    let code = Sockets.pendingError(descriptor)
    if code != 0 { throw SocketError("connect", code: code) }
    watch.watch(.readable)
  }

  convenience init(port: Int, sending text: String) async throws {
    try await self.init(port: port)
    send(text)
  }

  // MARK: - Sending

  func send(_ text: String) { send(Array(text.utf8)) }

  /// Sends as the socket takes it; stops when the other side has gone.
  func send(_ bytes: [UInt8]) {
    unsent += bytes
    sendOn()
  }

  private func sendOn() {
    guard watch != nil else { return }
    let count = unsent.withUnsafeBytes { Self.systemSend(descriptor, $0) }
    if count > 0 { unsent.removeFirst(count) }
    if count < 0, errno != EAGAIN { unsent = [] }
    settle()
  }

  func stopReading() {
    readsAutomatically = false
    settle()
  }

  func shutdownWriting() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes with a reset instead of an end.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  func close() {
    guard let watch else { return }
    watch.stop()
    self.watch = nil
    Sockets.close(descriptor)
  }

  // MARK: - Receiving

  /// Everything until the other side closes.
  func everything(within wait: Duration = .seconds(30)) async throws -> String {
    try await self.wait(wait) { $0.end != .open }
    return text
  }

  /// The answers, when there are `count` of them with their whole bodies.
  func answers(_ count: Int, within wait: Duration = .seconds(30)) async throws -> [Answer] {
    try await self.wait(wait) { Answer.all(in: $0.received).count >= count || $0.end != .open }
    return Answer.all(in: received)
  }

  func status(within wait: Duration = .seconds(30)) async throws -> Int? {
    try await answers(1, within: wait).first?.status
  }

  var text: String { String(decoding: received, as: UTF8.self) }

  func wait(_ wait: Duration = .seconds(30), until isEnough: @escaping (Peer) -> Bool) async throws {
    if isEnough(self) { return }
    let done = Completion<Void>()
    waiter = (isEnough, done)
    try await done.value(deadline: .now + wait)
  }

  private func ready(_ readiness: Readiness) {
    if readiness.contains(.writable), !unsent.isEmpty { sendOn() }
    guard watch != nil, readiness.contains(.readable), readsAutomatically else { return }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
    if count > 0 { received += buffer[..<count] }
    if count == 0 { end = .closed }
    if count < 0, errno != EAGAIN { end = .reset }
    settle()
    if let (isEnough, done) = waiter, isEnough(self) {
      waiter = nil
      done.succeed(())
    }
  }

  private func settle() {
    var interest = Readiness()
    if readsAutomatically, end == .open { interest.insert(.readable) }
    if !unsent.isEmpty, end == .open { interest.insert(.writable) }
    watch?.watch(interest)
  }

  private static func systemSend(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.send(descriptor, bytes.baseAddress, bytes.count, 0)
    #else
      Darwin.send(descriptor, bytes.baseAddress, bytes.count, 0)
    #endif
  }
}

/// One answer as it came over the wire, read by rules of its own, not by the parser under test.
struct Answer: Sendable {
  var status: Int
  var head: String
  var body: String

  func header(_ name: String) -> String? {
    for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("\(name.lowercased()): ") {
      return String(line.dropFirst(name.count + 2))
    }
    return nil
  }

  static func all(in bytes: [UInt8]) -> [Answer] {
    var rest = bytes[...]
    var found: [Answer] = []
    while let end = headEnd(rest) {
      let head = String(decoding: rest[..<end], as: UTF8.self)
      let status = Int(head.dropFirst(9).prefix(3)) ?? 0
      var answer = Answer(status: status, head: head, body: "")
      let length = answer.header("Content-Length").flatMap { Int($0) } ?? 0
      guard rest.endIndex - (end + 4) >= length else { break }
      answer.body = String(decoding: rest[(end + 4)..<(end + 4 + length)], as: UTF8.self)
      rest = rest[(end + 4 + length)...]
      if status != 100 { found.append(answer) }
    }
    return found
  }

  private static func headEnd(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.count >= 4 else { return nil }
    return (bytes.startIndex...bytes.endIndex - 4).first {
      bytes[$0..<$0 + 4].elementsEqual([13, 10, 13, 10])
    }
  }
}
