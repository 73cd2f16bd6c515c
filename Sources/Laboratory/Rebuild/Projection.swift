package import CouponDomain
import CouponStore
package import Text

/// What the events of one policy say that the tables beside them must hold.
///
/// Events are facts: nothing is decided again here. Whether they were decided rightly is the checker's question.
package struct Projection: Hashable, Sendable {
  package private(set) var policy: Policy
  /// By person and period, which is how the table knows them.
  package private(set) var coupons: [Key: Coupon] = [:]
  package private(set) var issued: [Day: Int] = [:]

  package struct Key: Hashable, Sendable {
    package let user: UserID
    package let period: Day
  }

  /// An event that cannot be what it stands for.
  package struct Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
    package let sequence: Int64
    package let reason: String
    package var description: String { "the event \(sequence) \(reason)" }
  }

  package init(_ policy: Policy) { self.policy = policy }

  /// Folds one policy's events, which come in the order of their sequence; nil without any.
  package init?(events: [(sequence: Int64, rank: Int?, payload: [UInt8])]) throws(Unreadable) {
    guard let first = events.first else { return nil }
    guard case .policyCreated(let created) = try Projection.decode(first.sequence, first.payload) else {
      throw Unreadable(sequence: first.sequence, reason: "comes before its policy was created")
    }
    self.init(created.policy)
    for event in events.dropFirst() {
      switch try Projection.decode(event.sequence, event.payload) {
      case .policyCreated: throw Unreadable(sequence: event.sequence, reason: "creates the policy again")
      case .claim(let claim):
        guard claim.policyID == policy.id else {
          throw Unreadable(sequence: event.sequence, reason: "is of another policy")
        }
        try take(Coupon(claim: claim, rank: event.rank), event.sequence)
      }
    }
  }

  private mutating func take(_ coupon: Coupon, _ sequence: Int64) throws(Unreadable) {
    let key = Key(user: coupon.claim.userID, period: policy.period(of: coupon.claim.day))
    guard coupons[key] == nil else {
      throw Unreadable(sequence: sequence, reason: "gives \(key.user) a second coupon of \(key.period)")
    }
    coupons[key] = coupon
    issued[coupon.claim.day, default: 0] += 1
  }

  private static func decode(_ sequence: Int64, _ payload: [UInt8]) throws(Unreadable) -> LogEntry {
    do { return try LogCodec.decode(payload) } catch {
      throw Unreadable(sequence: sequence, reason: "cannot be read")
    }
  }

  /// Takes a row of the tables as it stands, for a comparison.
  package mutating func put(_ coupon: Coupon, period: Day) {
    coupons[Key(user: coupon.claim.userID, period: period)] = coupon
  }

  package mutating func put(issued count: Int, on day: Day) { issued[day] = count }

  /// Where `table` differs from this, a line each; every difference is counted, the first few are described.
  package func differences(from table: Projection?) -> (count: Int, lines: [String]) {
    guard let table else { return (1, ["policy \(policy.id) is missing"]) }
    var count = 0
    var lines: [String] = []
    func differ(_ line: @autoclosure () -> String) {
      count += 1
      if lines.count < 10 { lines.append(line()) }
    }
    if table.policy != policy { differ("policy \(policy.id) differs from its event") }
    for (key, coupon) in coupons {
      guard let row = table.coupons[key] else {
        differ("policy \(policy.id): the coupon of \(key.user) is missing")
        continue
      }
      if row != coupon { differ("policy \(policy.id): the coupon of \(key.user) differs from its event") }
    }
    for key in table.coupons.keys where coupons[key] == nil {
      differ("policy \(policy.id): the coupon of \(key.user) has no event")
    }
    for day in Set(issued.keys).union(table.issued.keys) where issued[day] ?? 0 != table.issued[day] ?? 0 {
      differ(
        "policy \(policy.id), \(day): issued is \(table.issued[day] ?? 0), the events say \(issued[day] ?? 0)"
      )
    }
    return (count, lines)
  }
}
