import CouponDomain
import History
import LabTestSupport
import Text
import Verify

/// Changes that violations are made of; each is false where the run has nothing to change.
extension GeneratedRun {
  /// A day of the run: which it is, and when its last coupon was won, in microseconds of the history.
  struct FullDay {
    let day: Day
    let filledAt: Int64
  }

  private var startedAt: Int64 { evidence.histories[0].run.startedAt.microseconds }

  func isFull(_ index: Int) -> Bool { fullDay(index) != nil }

  private func fullDay(_ index: Int) -> FullDay? {
    let day = evidence.policy.startsOn.advanced(by: index)
    let times = evidence.database.coupons.filter { $0.day == day }.map(\.coupon.claim.issuedAt).sorted()
    guard times.count == evidence.policy.dailyQuota, let last = times.last else { return nil }
    return FullDay(day: day, filledAt: last.microseconds - startedAt)
  }

  /// Changes one request of those that match, and nothing else.
  mutating func changeOne(
    _ matches: (RequestRecord) -> Bool, createdBefore: Bool = false, _ change: (inout RequestRecord) -> Void
  ) -> Bool {
    let history = evidence.histories[0]
    let created = Set(
      history.requests.filter { $0.outcome == .created }.compactMap { history.coupon(of: $0)?.couponID })
    let found = history.requests.indices.filter { index in
      let request = history.requests[index]
      guard matches(request) else { return false }
      return !createdBefore || history.coupon(of: request).map { created.contains($0.couponID) } == true
    }
    guard let chosen = found.randomElement(using: &random) else { return false }
    change(&evidence.histories[0].requests[chosen])
    return true
  }

  /// Somebody who hears "sold out" hears it at another time, given in microseconds of the history.
  mutating func hearSoldOut(on index: Int = 0, at moment: (FullDay) -> Int64) -> Bool {
    guard let day = fullDay(index) else { return false }
    let at = moment(day)
    // It has to be of that day, and in its hours.
    let from = index == 0 ? Int64(opensAt) : Int64(midnight ?? 0)
    guard at < day.filledAt, at - 1 >= from, index > 0 || at < Int64(midnight ?? .max) else { return false }
    return changeOne({ $0.outcome == .soldOut }) { ($0.sent, $0.answered) = (UInt32(at - 1), UInt32(at)) }
  }

  /// One answer with a coupon shows something else.
  mutating func showOne(_ change: (SeenCoupon) -> SeenCoupon) -> Bool {
    let old = evidence.histories[0]
    guard
      let chosen = old.requests.indices.filter({ old.coupon(of: old.requests[$0]) != nil }).randomElement(
        using: &random)
    else { return false }
    var new = History(run: old.run)
    for index in old.requests.indices {
      let seen = old.coupon(of: old.requests[index])
      new.append(old.requests[index], coupon: index == chosen ? seen.map(change) : seen)
    }
    evidence.histories = [new]
    return true
  }

  /// A winner hears nothing but "sold out".
  mutating func refuseOneWinner() -> Bool {
    guard midnight == nil, let row = evidence.database.coupons.randomElement(using: &random) else {
      return false
    }
    let old = evidence.histories[0]
    var new = History(run: old.run)
    for request in old.requests {
      let isWinner = old.run.name(of: request.person) == row.coupon.claim.userID.description
      guard isWinner else {
        new.append(request, coupon: old.coupon(of: request))
        continue
      }
      new.append(
        RequestRecord(
          call: .coupon, outcome: .soldOut, attempt: request.attempt, person: request.person,
          due: request.due, sent: request.sent, answered: request.answered))
    }
    evidence.histories = [new]
    return true
  }

  /// The server that decides is down while somebody wins.
  mutating func breakDecidingServer(bites: Int) -> Bool {
    let history = evidence.histories[0]
    guard let won = history.requests.filter({ $0.outcome == .created }).randomElement(using: &random) else {
      return false
    }
    func moment(_ time: UInt32, _ shift: Int64) -> Timestamp {
      Timestamp(microseconds: history.moment(time).microseconds + shift)
    }
    evidence.faults = [
      FaultRecord(
        name: "outage", target: evidence.architecture == .eda ? .kafka : .database, isOutage: true,
        from: moment(won.sent, -1), to: moment(won.answered, 1), bites: bites)
    ]
    return true
  }

  /// A coupon has another time of issue in every ledger.
  mutating func reissue(_ claim: CouponClaim, at time: Timestamp) {
    func moved(_ other: CouponClaim) -> CouponClaim {
      guard other == claim else { return other }
      return CouponClaim(
        eventID: claim.eventID, couponID: claim.couponID, policyID: claim.policyID, userID: claim.userID,
        day: claim.day, issuedAt: time)
    }
    for index in evidence.database.coupons.indices {
      let coupon = evidence.database.coupons[index].coupon
      evidence.database.coupons[index].coupon = Coupon(claim: moved(coupon.claim), rank: coupon.rank)
    }
    for index in evidence.database.events.indices {
      guard case .claim(let other) = evidence.database.events[index].content else { continue }
      evidence.database.events[index].content = .claim(moved(other))
    }
    let messages = evidence.log?.messages ?? []
    evidence.log?.messages = messages.map { message in
      guard case .claim(let other) = message.content else { return message }
      return .init(
        partition: message.partition, offset: message.offset, appendedAt: message.appendedAt,
        content: .claim(moved(other)))
    }
    let old = evidence.histories[0]
    var new = History(run: old.run)
    for request in old.requests {
      let seen = old.coupon(of: request).map { seen in
        SeenCoupon(
          couponID: seen.couponID, rank: seen.rank, day: seen.day,
          issuedAt: seen.couponID == claim.couponID ? time : seen.issuedAt)
      }
      new.append(request, coupon: seen)
    }
    evidence.histories = [new]
  }
}
