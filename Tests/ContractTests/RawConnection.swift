import EventLoop
import Foundation

/// One connection that sends exactly the bytes it is given, for what a well-behaved client never sends.
@LoopActor
final class RawConnection {
  struct Answer {
    let status: Int
    /// Names in lower case.
    let headers: [String: String]
    let body: [UInt8]
    var text: String { String(decoding: body, as: UTF8.self) }
  }

  struct Ended: Error {}

  private let descriptor: Int32
  private var watch: DescriptorWatch?
  private var received: [UInt8] = []
  private var unsent: [UInt8] = []
  private var isClosedByPeer = false
  private var waiter: Completion<Void>?

  init(to address: SocketAddress) throws {
    descriptor = try Sockets.connect(to: address)
    watch = DescriptorWatch(descriptor) { [weak self] ready in self?.onReady(ready) }
    watch?.watch([.readable])
  }

  func send(_ text: String) {
    unsent.append(contentsOf: text.utf8)
    watch?.watch([.readable, .writable])
  }

  func close() {
    guard let watch else { return }
    watch.stop()
    self.watch = nil
    Sockets.close(descriptor)
  }

  /// The next whole answer. `hasBody`: false where HEAD was asked.
  func answer(hasBody: Bool = true, within limit: Duration = .seconds(20)) async throws -> Answer {
    let deadline = Instant.now + limit
    while true {
      if let answer = takeAnswer(hasBody: hasBody) { return answer }
      guard !isClosedByPeer else { throw Ended() }
      try await wait(until: deadline)
    }
  }

  /// Whether the peer closes the connection, after whatever else it sends.
  func isClosed(within limit: Duration = .seconds(20)) async -> Bool {
    let deadline = Instant.now + limit
    while !isClosedByPeer {
      do { try await wait(until: deadline) } catch { return false }
    }
    return true
  }

  private func wait(until deadline: Instant) async throws {
    let waiter = Completion<Void>()
    self.waiter = waiter
    try await waiter.value(deadline: deadline)
  }

  private func onReady(_ ready: Readiness) {
    if ready.contains(.writable) { flush() }
    if ready.contains(.readable) { receive() }
    waiter?.succeed(())
  }

  private func flush() {
    guard !unsent.isEmpty else { return }
    let count = unsent.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if count > 0 { unsent.removeFirst(count) }
    if count < 0, errno != EAGAIN, errno != EINTR { unsent.removeAll() }
    watch?.watch(unsent.isEmpty ? [.readable] : [.readable, .writable])
  }

  private func receive() {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    if count > 0 { received.append(contentsOf: buffer[..<count]) }
    guard count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) else { return }
    isClosedByPeer = true
    watch?.watch([])
  }

  private func takeAnswer(hasBody: Bool) -> Answer? {
    guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let lines = String(decoding: received[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
        in: .whitespaces)
    }
    let isInterim = status < 200
    let length = hasBody && !isInterim ? Int(headers["content-length"] ?? "0") ?? 0 : 0
    guard received.count >= end.upperBound + length else { return nil }
    let body = Array(received[end.upperBound..<end.upperBound + length])
    received.removeFirst(end.upperBound + length)
    return Answer(status: status, headers: headers, body: body)
  }
}
