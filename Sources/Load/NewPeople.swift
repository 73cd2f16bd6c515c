import EventLoop

/// Makes the next whole request; nil where there are no more.
package typealias NextRequest = @LoopActor () -> [UInt8]?

/// Requests for coupons by people who have not asked before, over as many policies as there is room for.
///
/// - Parameter requestsAPolicy: after this number of requests the next policy is used; after the last policy there are
///   no requests.
package func newPeople(for policies: [Int], requestsAPolicy: Int) -> NextRequest {
  var sent = 0
  return {
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
