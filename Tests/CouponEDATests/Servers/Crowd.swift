import CouponDomain
import EventLoop
import Foundation
import HTTP
import Testing
import Text

/// Many people who want one coupon each, who ask again while nobody knows, and what they heard.
@LoopActor
final class Crowd {
  private(set) var winners: [String: (rank: Int, couponID: String)] = [:]
  private(set) var refused: Set<String> = []
  /// When somebody first heard "sold out".
  private(set) var firstRefusal: Instant?
  private(set) var troubles = 0
  /// What nobody may hear.
  private(set) var oddities: [String] = []
  let policy: Int

  init(policy: Int) { self.policy = policy }

  var answered: Int { winners.count + refused.count }

  /// Asks for all of these people at once, until each has an answer; over the processes in turn.
  func ask(_ people: [String], of stage: Stage, within limit: Duration = .seconds(90)) async {
    let deadline = Instant.now + limit
    let tasks = people.enumerated().map { index, person in
      EventLoop.shared.spawn { await self.ask(person, index, of: stage, until: deadline) }
    }
    for task in tasks { await task.value }
  }

  private func ask(_ person: String, _ index: Int, of stage: Stage, until deadline: Instant) async {
    var turn = index
    while Instant.now < deadline {
      if !stage.apis.isEmpty, await askOnce(person, stage.apis[turn % stage.apis.count].client) { return }
      turn += 1
      await EventLoop.shared.sleep(for: .milliseconds(Int64.random(in: 20...120)))
    }
  }

  /// True when the answer is final.
  private func askOnce(_ person: String, _ client: HTTPClient) async -> Bool {
    let request = HTTPRequest(.post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", person)])
    guard let answer = try? await client.send(request, deadline: .now + .seconds(6)) else {
      troubles += 1
      return false
    }
    switch answer.status {
    case 200, 201:
      let object = answer.object
      guard object["userId"] as? String == person, let rank = object["rank"] as? Int,
        let id = object["couponId"] as? String
      else {
        oddities.append("\(person) got another's coupon")
        return true
      }
      winners[person] = (rank, id)
      return true
    case 409:
      firstRefusal = firstRefusal ?? .now
      refused.insert(person)
      return true
    case 503:
      troubles += 1
      return false
    default:
      oddities.append("\(person) heard \(answer.status)")
      return true
    }
  }

  /// I1–I6 as far as this crowd can see them: exactly the quota, ranks 1…quota, every winner a row and every row a winner.
  func check(against stage: Stage, quota: Int, people: Int) async throws {
    let rows = try await stage.rows(of: policy)
    #expect(oddities.isEmpty)
    #expect(answered == people)
    #expect(rows.count == min(quota, people))
    #expect(Set(rows.values.compactMap(\.rank)) == Set(1...min(quota, people)))
    #expect(Set(winners.keys) == Set(rows.keys))
    for (person, heard) in winners {
      #expect(rows[person]?.rank == heard.rank && rows[person]?.claim.couponID.description == heard.couponID)
    }
  }
}

func people(_ count: Int, _ prefix: String = "p") -> [String] { (0..<count).map { "\(prefix)\($0)" } }
