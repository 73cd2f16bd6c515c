package import History

/// What a history alone says, without asking a server.
package struct HistoryFigures: Hashable, Sendable {
  package private(set) var people = PeopleFigures()
  package private(set) var requests = RequestFigures()
  package private(set) var waits: WaitFigures
  package private(set) var bystander: BystanderFigures
  package private(set) var lateness = Histogram()
  /// Seconds from the opening to the answer of the quota-th coupon; nil where fewer were given.
  package private(set) var soldOutSeconds: Double?
  package private(set) var answeredSeconds: Double?

  package init(_ history: History, quota: Int) {
    (waits, people) = HistoryFigures.peopleAndWaits(history)
    bystander = HistoryFigures.bystander(history)
    requests = HistoryFigures.requests(history, lateness: &lateness)
    func sinceOpening(_ time: UInt32) -> Double { Double(Int64(time) - history.run.openedAfter) / 1_000_000 }
    let won = history.wonAt
    if quota > 0, won.count >= quota { soldOutSeconds = sinceOpening(won[quota - 1]) }
    answeredSeconds = history.requests.filter { $0.call == .coupon }.map(\.answered).max().map(sinceOpening)
  }

  private static func requests(_ history: History, lateness: inout Histogram) -> RequestFigures {
    var figures = RequestFigures()
    var (winners, soldOut, retried, failed) = (Histogram(), Histogram(), Histogram(), Histogram())
    for request in history.requests {
      lateness.record(microseconds: Int64(request.sent) - Int64(request.due))
      guard request.call == .coupon else { continue }
      figures.total += 1
      figures.byOutcome[request.outcome.name, default: 0] += 1
      if request.attempt > 1 { figures.retries += 1 }
      if request.outcome.isUnknown {
        failed.record(microseconds: request.latency)
      } else if request.attempt > 1 {
        retried.record(microseconds: request.latency)
      } else if request.outcome.isOK {
        winners.record(microseconds: request.latency)
      } else if request.outcome == .soldOut {
        soldOut.record(microseconds: request.latency)
      }
    }
    (figures.winners, figures.soldOut) = (LatencyFigures(winners), LatencyFigures(soldOut))
    (figures.retried, figures.failed) = (LatencyFigures(retried), LatencyFigures(failed))
    return figures
  }

  private static func peopleAndWaits(_ history: History) -> (WaitFigures, PeopleFigures) {
    struct Person {
      var firstDue = UInt32.max
      var lastAttempt: UInt8 = 0
      var lastAnswered: UInt32 = 0
      var outcome: Outcome?
    }
    var persons: [UInt32: Person] = [:]
    persons.reserveCapacity(history.run.people)
    for request in history.requests where request.call == .coupon {
      var person = persons[request.person] ?? Person()
      // Attempt 0 came before the opening: the wait begins with the one after it.
      if request.attempt > 0 { person.firstDue = min(person.firstDue, request.due) }
      person.lastAttempt = max(person.lastAttempt, request.attempt)
      if person.outcome == nil || request.answered >= person.lastAnswered {
        (person.outcome, person.lastAnswered) = (request.outcome, request.answered)
      }
      persons[request.person] = person
    }
    var figures = PeopleFigures()
    var (winners, soldOut) = (Histogram(), Histogram())
    for person in persons.values {
      if person.lastAttempt > 1 { figures.retried += 1 }
      let wait = Int64(person.lastAnswered) - Int64(min(person.firstDue, person.lastAnswered))
      switch person.outcome {
      case .created, .existing:
        figures.accepted += 1
        winners.record(microseconds: wait)
      case .soldOut:
        figures.soldOut += 1
        soldOut.record(microseconds: wait)
      case .notOpen, .refused: figures.otherwiseRefused += 1
      default: figures.failed += 1
      }
    }
    return (WaitFigures(winners: LatencyFigures(winners), soldOut: LatencyFigures(soldOut)), figures)
  }

  private static func bystander(_ history: History) -> BystanderFigures {
    let crowd = history.requests.filter { $0.call == .coupon }
    let begins = min(history.run.openedAfter, crowd.map { Int64($0.due) }.min() ?? .max)
    let ends = crowd.map { Int64($0.answered) }.max() ?? history.run.openedAfter
    var histograms = [Histogram(), Histogram(), Histogram()]
    var failed = [0, 0, 0]
    for request in history.requests where request.call.isBystander {
      let due = Int64(request.due)
      let phase = due < begins ? 0 : due <= ends ? 1 : 2
      histograms[phase].record(microseconds: request.latency)
      // A full stay (409) is an answer as it should be.
      if !request.outcome.isOK, request.outcome != .soldOut { failed[phase] += 1 }
    }
    let phases = zip(histograms, failed).map {
      BystanderFigures.Phase(latency: LatencyFigures($0), failed: $1)
    }
    return BystanderFigures(before: phases[0], during: phases[1], after: phases[2])
  }
}
