internal import EventLoop

/// Requests for coupons by people who have not asked before, over as many policies as there is room for.
@LoopActor
final class BenchPeople {
  private let policies: [Int]
  private let requestsAPolicy: Int
  private var sent = 0

  /// - Parameter requestsAPolicy: after so many the next policy's turn comes; after the last one, none.
  init(policies: [Int], requestsAPolicy: Int) {
    (self.policies, self.requestsAPolicy) = (policies, requestsAPolicy)
  }

  func next() -> [UInt8]? {
    let index = sent / requestsAPolicy
    guard index < policies.count else { return nil }
    sent += 1
    return Array(
      """
      POST /v1/policies/\(policies[index])/coupons HTTP/1.1\r
      Host: bench\r
      X-User-Id: person-\(sent)\r
      Content-Length: 0\r
      \r

      """.utf8)
  }
}
