import EventLoop
import Foundation
import HTTP
import TestSupport
import Testing

extension Contract {
  @Suite(.limited) struct Crowds {
    /// 20 keep-alive connections with 10 people's requests on their way on each at once.
    @Test(arguments: TargetKind.all)
    func aPipelinedCrowdGetsExactlyTheQuota(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 20)
        var connections: [RawConnection] = []
        for number in 0..<20 {
          let connection = try RawConnection(to: target.address)
          connections.append(connection)
          var requests = ""
          for person in 0..<10 {
            requests +=
              "POST /v1/policies/\(policy)/coupons HTTP/1.1\r\nHost: x\r\nX-User-Id: p\(number)-\(person)\r\n"
            requests += "Content-Length: 2\r\n\r\nhi"
          }
          connection.send(requests)
        }
        var ranks: [Int] = []
        for (number, connection) in connections.enumerated() {
          for person in 0..<10 {
            var answer = try await connection.answer()
            if answer.status == 503 {
              let retried = try await target.ask("p\(number)-\(person)", policy)
              answer = RawConnection.Answer(status: retried.status, headers: [:], body: retried.body)
            }
            #expect([200, 201, 409].contains(answer.status))
            if answer.status == 409 { continue }
            // The answer is the asking person's own, in the order of the requests.
            #expect(answer.text.contains(#""userId":"p\#(number)-\#(person)""#))
            let json = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
            ranks.append(try #require(json?["rank"] as? Int))
          }
          connection.close()
        }
        #expect(ranks.sorted() == Array(1...20))
        #expect(try await target.get("/v1/policies/\(policy)").text.contains(#""issued":20,"remaining":0"#))
      }
    }

    /// 5,000 people at once for 100 coupons, each with three retries.
    @Test(arguments: TargetKind.all)
    func everyWinnerOfALargeCrowdIsInTheLedgers(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 100)
        let crowd = Crowd(target, policy, people: 5_000)
        await crowd.run(attempts: 4)
        #expect(crowd.created.count <= 100)
        #expect(crowd.unexpected.isEmpty, "\(crowd.unexpected)")
        #expect(crowd.contradictions.isEmpty, "\(crowd.contradictions.prefix(5))")
        try await Self.check(target, policy, crowd)
      }
    }

    @LoopActor
    private static func check(_ target: Target, _ policy: Int, _ crowd: Crowd) async throws {
      guard let ledger = target.ledger else {
        #expect(crowd.holders.values.map(\.rank).sorted() == Array(1...100))
        return
      }
      try await ledger.lagIsZero()
      let rows = try await ledger.coupons(of: policy)
      #expect(rows.map(\.rank) == Array(1...100))
      #expect(Set(rows.map(\.user)).count == 100)
      #expect(try await ledger.winners(of: policy) == rows.map(\.user))
      #expect(try await ledger.issued(of: policy) == [100])
      let byUser = Dictionary(rows.map { ($0.user, $0) }) { first, _ in first }
      for (user, coupon) in crowd.holders {
        #expect(byUser[user]?.rank == coupon.rank && byUser[user]?.couponID == coupon.couponID, "\(user)")
      }
      for user in crowd.onlyRefused { #expect(byUser[user] == nil, "\(user)") }
    }
  }
}

/// People who ask at once, each on a connection of their own as far as descriptors reach, and ask again.
@LoopActor
final class Crowd {
  private let client: HTTPClient
  private let policy: Int
  private let people: Int
  private(set) var created: Set<String> = []
  /// The coupon that each was last told of.
  private(set) var holders: [String: (rank: Int, couponID: String)] = [:]
  private var refused: Set<String> = []
  private(set) var unexpected: [Int: Int] = [:]
  private(set) var contradictions: [String] = []
  private var unanswered: Set<String> = []
  private var running = 0
  private let done = Completion<Void>()

  init(_ target: Target, _ policy: Int, people: Int) {
    (self.policy, self.people) = (policy, people)
    let connections = min(people, Platform.raiseDescriptorLimit() / 4)
    client = HTTPClient(
      HTTPClientConfiguration(address: target.address, maxConnections: connections, maxWaiting: people))
  }

  /// Those who heard nothing but "sold out".
  var onlyRefused: Set<String> { refused.subtracting(holders.keys).subtracting(unanswered) }

  func run(attempts: Int) async {
    running = people
    for person in 0..<people {
      EventLoop.shared.spawn {
        for _ in 0..<attempts { await self.ask("person-\(person)") }
        self.running -= 1
        if self.running == 0 { self.done.succeed(()) }
      }
    }
    _ = try? await done.value()
    client.close()
  }

  private func ask(_ user: String) async {
    let request = HTTPRequest(.post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", user)])
    let response: HTTPClientResponse
    do { response = try await client.send(request, deadline: .now + .seconds(60)) } catch {
      unanswered.insert(user)
      return
    }
    switch response.status {
    case 200, 201:
      let json = response.json
      guard let rank = json["rank"] as? Int, let id = json["couponId"] as? String else {
        contradictions.append("\(user): \(response.text)")
        return
      }
      if let known = holders[user], known != (rank, id) { contradictions.append("\(user): two coupons") }
      if refused.contains(user) { contradictions.append("\(user): refused, then a coupon") }
      if response.status == 201, !created.insert(user).inserted {
        contradictions.append("\(user): won twice")
      }
      holders[user] = (rank, id)
    case 409:
      if holders[user] != nil { contradictions.append("\(user): a coupon, then refused") }
      refused.insert(user)
    case 503: unanswered.insert(user)
    default: unexpected[response.status, default: 0] += 1
    }
  }
}
