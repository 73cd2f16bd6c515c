import CouponDomain

/// I11: each poisonous message is a dead letter once.
extension Checker {
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
        "partition \(position.partition), offset \(position.offset) is a dead letter, but not poisonous")
    }
    return breaches.verdict(
      otherwise: poison.isEmpty
        ? .notApplicable("the log holds no poisonous message") : .ok("\(poison.count) dead letters"))
  }
}
