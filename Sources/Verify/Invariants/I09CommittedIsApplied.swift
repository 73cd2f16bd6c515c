import CouponDomain

/// I9: no offset is committed that is not applied, and none applied that the log does not have.
extension Checker {
  func committedIsApplied() -> Finding.Verdict {
    guard let log = evidence.log else { return .notApplicable("the monolith has no log") }
    var breaches = Breaches()
    var ends: [Int32: Int64] = [:]
    for message in log.messages {
      ends[message.partition] = max(ends[message.partition] ?? 0, message.offset + 1)
    }
    for (partition, offset) in evidence.database.applied where offset > ends[partition] ?? 0 {
      breaches.add(
        "partition \(partition): offset \(offset) is applied, the log ends at \(ends[partition] ?? 0)")
    }
    guard let committed = log.committed else {
      return breaches.verdict(otherwise: .unread("Kafka did not return the offsets of the worker's group"))
    }
    for (partition, offset) in committed where offset > evidence.database.applied[partition] ?? 0 {
      let applied = evidence.database.applied[partition] ?? 0
      breaches.add("partition \(partition): offset \(offset) is committed, \(applied) is applied")
    }
    return breaches.verdict(
      otherwise: committed.isEmpty
        ? .notApplicable("the worker has committed nothing to Kafka") : .ok("\(committed.count) partitions"))
  }
}
