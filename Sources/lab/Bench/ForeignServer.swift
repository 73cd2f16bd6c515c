import EventLoop
import Foundation
import HTTP
import Laboratory
import Load
import Reports
import Terminal

/// A server of somebody else that answers the same calls; it runs already.
@LoopActor
struct ForeignServer {
  let contestant: Contestant
  /// Requests that it accepts; nil where it is sold out.
  let accepted: NextRequest?
  /// Requests of people who have a coupon.
  let returning: NextRequest?
  /// Requests that it refuses; nil where it has coupons.
  let refused: NextRequest?
  private let prefix: String

  private static let policy = 1
  /// Who asked before the first round, each once.
  private static let winners = 5_000

  /// `http://HOST:PORT`, a numeric address or localhost.
  nonisolated static func address(_ text: String, _ option: String) throws(UsageError) -> SocketAddress {
    let url = URLComponents(string: text)
    let host = url?.host.map { $0 == "localhost" ? "127.0.0.1" : $0.filter { $0 != "[" && $0 != "]" } }
    guard let url, url.scheme == "http", let host, let numeric = SocketAddress.canonical(host),
      ["", "/"].contains(url.path), url.query == nil
    else { throw UsageError("\(option) takes http://ADDRESS:PORT with a numeric address, not “\(text)”") }
    return SocketAddress(numericHost: numeric, port: url.port ?? 80)
  }

  /// Asks it who it is: whether it lives, and whether it has coupons.
  static func find(_ address: SocketAddress, number: Int) async throws -> ForeignServer {
    let health = try await HTTPClient.ask(address, HTTPRequest(.get, "/healthz"), within: .seconds(5))
    guard health.status == 200 else {
      throw LabFailure("\(address): GET /healthz answers \(health.status) instead of 200")
    }
    let prefix = "bench\(UInt32.random(in: .min ... .max))-"
    let request = HTTPRequest(
      .post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", prefix + "first")])
    let answer = try await HTTPClient.ask(address, request, within: .seconds(5))
    guard answer.status == 201 || answer.status == 409 else {
      throw LabFailure(
        "\(address): POST /v1/policies/\(policy)/coupons answers \(answer.status) instead of 201 or 409: "
          + Operator.oneLine(answer.body))
    }
    let hasCoupons = answer.status == 201
    let processes = ListeningProcess.find(port: address.port).map { [$0] } ?? []
    return ForeignServer(
      contestant: Contestant(name: "against \(number) (\(address))", address: address, processes: processes),
      accepted: hasCoupons ? endlessPeople(prefix, policy: policy) : nil,
      returning: hasCoupons ? returningPeople(prefix + "w", winners, policy: policy) : nil,
      refused: hasCoupons ? nil : endlessPeople(prefix, policy: policy), prefix: prefix)
  }

  /// Gives coupons to those who ask again later, and a moment of load.
  func warmUp(seconds: Double) async throws {
    guard let accepted else { return }
    let all = returningPeople(prefix + "w", ForeignServer.winners, policy: ForeignServer.policy)
    var left = ForeignServer.winners
    let once: NextRequest = {
      left -= 1
      return left >= 0 ? all() : nil
    }
    try await contestant.measure(
      .coupons, "winners", connections: 64, seconds: 20, expecting: 201, once, into: nil)
    try await contestant.measure(
      .coupons, "warming up", connections: 64, seconds: seconds, expecting: 201, accepted, into: nil)
  }
}

/// The process that listens on a port of this machine, as far as the system tells.
package enum ListeningProcess {
  static func find(port: Int) -> Int32? {
    #if os(Linux)
      let sockets = ["/proc/net/tcp", "/proc/net/tcp6"].compactMap { path in
        (try? String(contentsOfFile: path, encoding: .isoLatin1)).flatMap { inode(of: port, in: $0) }
      }
      guard !sockets.isEmpty else { return nil }
      let files = FileManager.default
      for name in (try? files.contentsOfDirectory(atPath: "/proc")) ?? [] {
        guard let pid = Int32(name) else { continue }
        let folder = "/proc/\(pid)/fd"
        for descriptor in (try? files.contentsOfDirectory(atPath: folder)) ?? [] {
          guard let link = try? files.destinationOfSymbolicLink(atPath: "\(folder)/\(descriptor)"),
            sockets.contains(where: { link == "socket:[\($0)]" })
          else { continue }
          return pid
        }
      }
    #endif
    return nil
  }

  /// From the table of sockets: `sl local_address rem_address st … uid timeout inode`; 0A listens.
  package static func inode(of port: Int, in table: String) -> Substring? {
    let hex = String(port, radix: 16, uppercase: true)
    let ending = ":" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
    for line in table.split(separator: "\n").dropFirst() {
      let fields = line.split(separator: " ")
      if fields.count > 9, fields[1].hasSuffix(ending), fields[3] == "0A" { return fields[9] }
    }
    return nil
  }
}
