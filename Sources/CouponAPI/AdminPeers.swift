package import EventLoop
import Foundation
package import HTTP

/// The other programs' operator's listeners, which hear of every switch.
@LoopActor
package struct AdminPeers {
  /// What one of them said.
  struct Answer: Sendable {
    let peer: String
    /// Nil where none came.
    let status: Int?
    /// JSON; nil where none came or it is none.
    let body: [UInt8]?
    let trouble: String?

    /// Done there, or not the concern of a program that does not use the server.
    var isFine: Bool { status == 200 || status == 404 }
  }

  /// Says that a call was forwarded, so that it is not forwarded again.
  nonisolated static let header = "X-TimeAttack-Forwarded"

  private let peers: [String]
  private let token: String

  init(_ peers: [String], token: String) { (self.peers, self.token) = (peers, token) }

  /// Asks all at once.
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
    guard let addresses = try? await EventLoop.shared.resolve(host: host, port: port) else {
      return silence("the name is not known")
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

  /// One after the other, as long as nothing has left: a name may have an address where nobody listens.
  package static func send(
    _ request: HTTPRequest, toOneOf addresses: [SocketAddress], deadline: Instant
  ) async throws(HTTPClientError) -> HTTPClientResponse {
    var failure = HTTPClientError.neverSent("the name has no address")
    for address in addresses {
      let client = HTTPClient(HTTPClientConfiguration(address: address, maxConnections: 1))
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
