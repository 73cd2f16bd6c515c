package import EventLoop
import Foundation
package import HTTP

/// The operator's listeners of the other programs, which receive each switch.
@LoopActor
package struct AdminPeers {
  /// The answer of one peer.
  struct Answer: Sendable {
    let peer: String
    /// Nil if none arrived.
    let status: Int?
    /// JSON; nil if none arrived or it is not JSON.
    let body: [UInt8]?
    let trouble: String?

    /// Applied there, or irrelevant to a program that does not use the server.
    var isFine: Bool { status == 200 || status == 404 }
  }

  /// Marks a forwarded call, so that it is not forwarded again.
  nonisolated static let header = "X-TimeAttack-Forwarded"

  private let peers: [String]
  private let token: String

  init(_ peers: [String], token: String) { (self.peers, self.token) = (peers, token) }

  var isEmpty: Bool { peers.isEmpty }

  /// Calls all peers at the same time.
  func forward(_ request: HTTPRequest, deadline: Instant) async -> [Answer] {
    let answers = peers.map { peer in
      let answer = Completion<Answer>()
      EventLoop.shared.spawn { answer.succeed(await self.ask(peer, request, deadline: deadline)) }
      return answer
    }
    var list: [Answer] = []
    for answer in answers { if let answer = try? await answer.value() { list.append(answer) } }
    return list
  }

  private func ask(_ peer: String, _ request: HTTPRequest, deadline: Instant) async -> Answer {
    func silence(_ why: String) -> Answer { Answer(peer: peer, status: nil, body: nil, trouble: why) }
    guard let colon = peer.lastIndex(of: ":"), let port = Int(peer[peer.index(after: colon)...]) else {
      return silence("is no host:port")
    }
    let host = peer[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
    let addresses: [SocketAddress]
    do { addresses = try await EventLoop.shared.resolve(host: host, port: port, deadline: deadline) } catch {
      return silence("\(error)")
    }
    let headers = [
      ("Authorization", "Bearer \(token)"), ("Content-Type", "application/json"), (AdminPeers.header, "1"),
    ]
    let copy = HTTPRequest(request.method, request.path, headers: headers, body: request.body)
    do throws(HTTPClientError) {
      let answer = try await AdminPeers.send(copy, toOneOf: addresses, deadline: deadline)
      let isJSON = (try? JSONSerialization.jsonObject(with: Data(answer.body))) != nil
      return Answer(
        peer: peer, status: answer.status, body: isJSON ? answer.body : nil,
        trouble: answer.status == 200 || answer.status == 404 ? nil : "answered \(answer.status)")
    } catch { return silence(error.description) }
  }

  /// Tries the addresses in turn until a request was sent: a name may have an address on which nothing
  /// listens.
  package static func send(
    _ request: HTTPRequest, toOneOf addresses: [SocketAddress], deadline: Instant
  ) async throws(HTTPClientError) -> HTTPClientResponse {
    var failure = HTTPClientError.neverSent("the name has no address")
    for address in addresses {
      var configuration = HTTPClientConfiguration(address: address, maxConnections: 1)
      // What a program says of its switches takes a few hundred bytes.
      configuration.maxBodyBytes = 65_536
      let client = HTTPClient(configuration)
      defer { client.close() }
      do throws(HTTPClientError) {
        return try await client.send(request, deadline: deadline)
      } catch .neverSent(let why) {
        failure = .neverSent(why)
      }
    }
    throw failure
  }
}
