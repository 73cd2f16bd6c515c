import CouponDomain
import Text

/// The log against the tables: I6, I9, I11.
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

  func committedIsApplied() -> Finding.Verdict {
    guard let log = evidence.log else { return .notApplicable("the monolith has no log") }
    guard let committed = log.committed else { return .notApplicable("Kafka's group offsets were not read") }
    var breaches = Breaches()
    for (partition, offset) in committed where offset > evidence.database.applied[partition] ?? 0 {
      let applied = evidence.database.applied[partition] ?? 0
      breaches.add("partition \(partition): \(offset) is committed, \(applied) is applied")
    }
    return breaches.verdict(
      otherwise: committed.isEmpty
        ? .notApplicable("the worker has committed nothing to Kafka") : .ok("\(committed.count) partitions"))
  }

  func deadLetters() -> Finding.Verdict {
    guard let log = evidence.log else { return .notApplicable("the monolith has no log") }
    var breaches = Breaches()
    var kept: [DatabaseEvidence.Position: Int] = [:]
    for letter in evidence.database.deadLetters { kept[letter, default: 0] += 1 }
    var poison = Set<DatabaseEvidence.Position>()
    for message in log.messages {
      guard case .poison(let reason) = message.content else { continue }
      let position = DatabaseEvidence.Position(partition: message.partition, offset: message.offset)
      poison.insert(position)
      let times = kept[position] ?? 0
      if times != 1 {
        breaches.add(
          "partition \(position.partition), offset \(position.offset) (\(reason)): \(times) dead letters")
      }
    }
    for position in kept.keys where !poison.contains(position) {
      breaches.add(
        "partition \(position.partition), offset \(position.offset) is a dead letter without a cause")
    }
    return breaches.verdict(
      otherwise: poison.isEmpty
        ? .notApplicable("the log holds no poisonous message") : .ok("\(poison.count) dead letters"))
  }
}
