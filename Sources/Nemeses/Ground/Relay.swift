package import EventLoop
import Foundation

/// A port of the loopback that passes connections on to a server, and can fail as a network does.
///
///     program ─▶ relay ─▶ server          `sever`: nothing passes, nothing is told (a black hole)
///                  └ ─ ─▶ another one     `move`: new connections go there, those that are there stay (a name that moves)
@LoopActor
package final class Relay {
  package let port: Int
  private var server: SocketAddress
  private let listener: Int32
  private var watch: DescriptorWatch?
  private var links: [ObjectIdentifier: RelayLink] = [:]
  private(set) var isSevered = false

  package var connections: Int { links.count }

  /// - Throws: `SocketError`.
  package init(to server: SocketAddress) throws {
    self.server = server
    (listener, port) = try Sockets.listen(host: "127.0.0.1", port: 0)
    let watch = DescriptorWatch(listener) { [weak self] _ in self?.accept() }
    self.watch = watch
    watch.watch(.readable)
  }

  /// Keeps all connections and takes new ones, and passes nothing on.
  package func sever() {
    isSevered = true
    for link in links.values { link.setPassing(false) }
  }

  /// What was sent meanwhile arrives.
  package func mend() {
    isSevered = false
    for link in links.values { link.setPassing(true) }
  }

  package func move(to server: SocketAddress) { self.server = server }

  /// Ends all connections; what was on its way is lost.
  package func cut() {
    for link in links.values { link.end() }
    links = [:]
  }

  package func close() {
    guard let watch else { return }
    watch.stop()
    self.watch = nil
    Sockets.close(listener)
    cut()
  }

  private func accept() {
    while watch != nil, let client = try? Sockets.accept(listener) {
      guard let upstream = try? Sockets.connect(to: server) else {
        Sockets.close(client)
        continue
      }
      let link = RelayLink(client, upstream) { [weak self] link in self?.links[ObjectIdentifier(link)] = nil }
      links[ObjectIdentifier(link)] = link
      link.begin(isPassing: !isSevered)
    }
  }
}

/// One connection and its other half.
@LoopActor
private final class RelayLink {
  /// What one side has sent and the other has not taken yet.
  private struct Side {
    let descriptor: Int32
    var watch: DescriptorWatch?
    var pending: [UInt8] = []
    var hasEnded = false
  }

  private var sides: [Side]
  private var isPassing = false
  private var isOver = false
  private let onEnd: @LoopActor (RelayLink) -> Void

  private static let piece = 65_536

  init(_ client: Int32, _ upstream: Int32, onEnd: @escaping @LoopActor (RelayLink) -> Void) {
    sides = [Side(descriptor: client), Side(descriptor: upstream)]
    self.onEnd = onEnd
  }

  func begin(isPassing: Bool) {
    self.isPassing = isPassing
    for index in 0...1 {
      sides[index].watch = DescriptorWatch(sides[index].descriptor) { [weak self] _ in self?.pump() }
    }
    arm()
  }

  func setPassing(_ isPassing: Bool) {
    self.isPassing = isPassing
    if isPassing { pump() } else { arm() }
  }

  func end() {
    guard !isOver else { return }
    isOver = true
    for side in sides {
      side.watch?.stop()
      Sockets.close(side.descriptor)
    }
    onEnd(self)
  }

  /// Passes on what there is, in both directions.
  private func pump() {
    guard isPassing, !isOver else { return }
    for from in 0...1 {
      let to = 1 - from
      while !isOver {
        guard write(from, to) else { break }
        guard !sides[from].hasEnded, read(from) else { break }
      }
      if sides[from].hasEnded, sides[from].pending.isEmpty { return end() }
    }
    arm()
  }

  /// Whether nothing is left of what `from` has sent.
  private func write(_ from: Int, _ to: Int) -> Bool {
    while !sides[from].pending.isEmpty {
      let count = sides[from].pending.withUnsafeBytes {
        Foundation.write(sides[to].descriptor, $0.baseAddress, $0.count)
      }
      guard count > 0 else {
        if count < 0, errno != EAGAIN, errno != EWOULDBLOCK, errno != EINTR, errno != ENOTCONN { end() }
        return false
      }
      sides[from].pending.removeFirst(count)
    }
    return true
  }

  /// Whether something was read.
  private func read(_ from: Int) -> Bool {
    var piece = [UInt8](repeating: 0, count: RelayLink.piece)
    let count = piece.withUnsafeMutableBytes {
      Foundation.read(sides[from].descriptor, $0.baseAddress, $0.count)
    }
    if count > 0 {
      sides[from].pending += piece.prefix(count)
      return true
    }
    // A connection that is being made is not readable yet.
    let mayComeLater = count < 0 && [EAGAIN, EWOULDBLOCK, EINTR, ENOTCONN].contains(errno)
    if !mayComeLater { sides[from].hasEnded = true }
    return false
  }

  private func arm() {
    guard !isOver else { return }
    for index in 0...1 {
      var wanted: Readiness = []
      if isPassing {
        if !sides[index].hasEnded, sides[index].pending.isEmpty { wanted.insert(.readable) }
        if !sides[1 - index].pending.isEmpty { wanted.insert(.writable) }
      }
      sides[index].watch?.watch(wanted)
    }
  }
}
