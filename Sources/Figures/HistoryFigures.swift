package import History

/// What the clients of one crowd saw, without asking a server: one history a policy.
package struct HistoryFigures: Hashable, Sendable {
  package private(set) var people = PeopleFigures()
  package private(set) var requests = RequestFigures()
  package private(set) var waits: WaitFigures
  package private(set) var bystander: BystanderFigures
  package private(set) var generator = GeneratorRecord()
  /// Seconds from the opening to the answer of the quota-th coupon of each policy; nil where one gave fewer.
  package private(set) var soldOutSeconds: Double?
  package private(set) var answeredSeconds: Double?

  /// - Parameter quota: of each policy.
  package init(_ histories: [History], quota: Int) {
    (waits, people) = HistoryFigures.peopleAndWaits(histories)
    bystander = HistoryFigures.bystander(histories)
    requests = HistoryFigures.requests(histories)
    for history in histories { generator.add(history.generator) }
    let soldOut = histories.compactMap { history in
      let won = history.wonAt
      return quota > 0 && won.count >= quota ? history.seconds(won[quota - 1]) : nil
    }
    soldOutSeconds = soldOut.count == histories.count ? soldOut.max() : nil
    answeredSeconds =
      histories.compactMap { history in
        history.requests.filter { $0.call == .coupon }.map(\.answered).max().map(history.seconds)
      }.max()
  }

  package init(_ history: History, quota: Int) { self.init([history], quota: quota) }

  private static func requests(_ histories: [History]) -> RequestFigures {
    var figures = RequestFigures()
    var (winners, soldOut, retried) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
    for request in histories.lazy.flatMap(\.requests) where request.call == .coupon {
      figures.total += 1
      figures.byOutcome[request.outcome.name, default: 0] += 1
      if request.attempt > 1 { figures.retries += 1 }
      if !request.isGood {
        figures.failed += 1
      } else if request.attempt > 1 {
        retried.record(microseconds: request.latency)
      } else if request.outcome.isOK {
        winners.record(microseconds: request.latency)
      } else if request.outcome == .soldOut {
        soldOut.record(microseconds: request.latency)
      }
    }
    (figures.winners, figures.soldOut) = (LatencyFigures(winners), LatencyFigures(soldOut))
    figures.retried = LatencyFigures(retried)
    return figures
  }

  private static func peopleAndWaits(_ histories: [History]) -> (WaitFigures, PeopleFigures) {
    struct Person {
      var firstDue = UInt32.max
      var lastAttempt: UInt8 = 0
      var lastAnswered: UInt32 = 0
      var outcome: Outcome?
    }
    var figures = PeopleFigures()
    var (winners, soldOut) = (LatencyHistogram(), LatencyHistogram())
    for history in histories {
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
    }
    return (WaitFigures(winners: LatencyFigures(winners), soldOut: LatencyFigures(soldOut)), figures)
  }

  /// The crowd is what the bystander is measured before, during and after.
  private static func bystander(_ histories: [History]) -> BystanderFigures {
    let crowd = histories.flatMap { history in
      history.requests.lazy.filter { $0.call == .coupon }.map {
        (due: history.seconds($0.due), answered: history.seconds($0.answered))
      }
    }
    let begins = min(0, crowd.map(\.due).min() ?? 0)
    let ends = max(begins, crowd.map(\.answered).max() ?? 0)
    let windows = WindowFigures(histories, fault: FaultWindow(name: "crowd", from: begins, to: ends))
    func phase(_ window: Window) -> BystanderFigures.Phase { .init(windows.tally("bystander", window)) }
    return BystanderFigures(before: phase(.before), during: phase(.during), after: phase(.after))
  }
}

extension History {
  /// Seconds from the opening to a time in a record.
  package func seconds(_ microseconds: UInt32) -> Double {
    Double(Int64(microseconds) - run.openedAfter) / 1_000_000
  }
}
