import CouponDomain

/// I6: the rows are the first of the log, with their ranks.
extension Checker {
  func logOrder() -> Finding.Verdict {
    guard evidence.log != nil else { return .notApplicable("the monolith has no log") }
    guard evidence.isRanked else { return .notApplicable("with this strategy Redis decides, not the log") }
    var breaches = Breaches()
    var ledger = PolicyLedger(policy)
    var winners: [CouponID: Coupon] = [:]
    for (claim, _) in claims {
      if case .issued(let coupon) = ledger.apply(claim) { winners[claim.couponID] = coupon }
    }
    let rows = Dictionary(
      evidence.database.coupons.map { ($0.coupon.claim.couponID, $0.coupon) }, uniquingKeysWith: { a, _ in a }
    )
    for (id, winner) in winners {
      guard let row = rows[id] else {
        breaches.add("\(winner.claim.userID) is rank \(winner.rank ?? 0) of the log and has no row")
        continue
      }
      if row.rank != winner.rank || row.claim.day != winner.claim.day
        || row.claim.issuedAt != winner.claim.issuedAt || row.claim.userID != winner.claim.userID
      {
        breaches.add(
          "\(winner.claim.userID) is rank \(winner.rank ?? 0) of the log, \(row.rank ?? 0) of the table")
      }
    }
    for (id, row) in rows where winners[id] == nil {
      breaches.add("\(row.claim.userID) has a row and is not among the log's winners")
    }
    return breaches.verdict(
      otherwise: winners.isEmpty
        ? .vacuous("the log has no winner") : .ok("\(winners.count) winners of \(claims.count) claims"))
  }
}
