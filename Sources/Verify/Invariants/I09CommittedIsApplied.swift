import CouponDomain

/// I9: no offset is committed that is not applied.
extension Checker {
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
}
