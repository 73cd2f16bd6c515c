import History
import Verify

extension Metric {
  static let people: [OfTrial] = [
    (
      "people.accepted", "People with a coupon in the end", "people who hold a coupon in the end",
      { Double($0.seen.people.accepted) }
    ),
    (
      "people.soldout", "People who were told “sold out”", "people who were told so",
      { Double($0.seen.people.soldOut) }
    ),
    (
      "people.failed", "People without an answer that settles it", "people without an answer that settles it",
      { Double($0.seen.people.failed) }
    ),
    (
      "people.retried", "People who had to ask again because of trouble",
      "people who had to ask again because of trouble",
      { Double($0.seen.people.retried) }
    ),
  ]

  static let ledgers: [OfTrial] = [
    (
      "rows", "Coupons in the database in the end", "coupons in the database in the end",
      { Double($0.ledgers.rows) }
    ),
    (
      "oversold", "Coupons beyond the quota of their day", "coupons beyond the quota of their day",
      { Double($0.ledgers.oversold) }
    ),
    (
      "duplicates", "Coupons beyond the first of a person", "coupons beyond the first of a person",
      { Double($0.ledgers.duplicates) }
    ),
    (
      "lost", "Promised coupons without a row in the database",
      "coupons somebody was given and that have no row", { $0.sum(\.lost) }
    ),
    (
      "accepted.failed", "Promised coupons without a row in the database", "the same as lost",
      { $0.sum(\.lost) }
    ),
    (
      "wrong", "Coupons oversold, doubled or lost", "coupons: oversold, duplicates and lost together",
      { $0.sum { $0.oversold + $0.duplicates + $0.lost } }
    ),
    (
      "missing", "Coupons that the day could have given and did not",
      "coupons that the day could have given and did not; no value for a run of more than one day",
      { measured in
        // Of several days it is not known how full each had to be; 0 would say that they were.
        let verifications = measured.record.verifications
        return !verifications.isEmpty && verifications.allSatisfy(\.isOfOneDay)
          ? measured.sum(\.missing) : nil
      }
    ),
    (
      "findings", "Invariants that do not hold, or could not show",
      "invariants that do not hold, or could not show",
      { Double($0.record.verifications.flatMap(\.findings).count { !$0.passes }) }
    ),
    (
      "dead_letters", "Messages put aside as dead letters", "messages put aside",
      { Double($0.record.evidence.map { Set($0.database.deadLetters).count }.max() ?? 0) }
    ),
  ]

  static let times: [OfTrial] = [
    (
      "accepted_per_s", "Answers with a coupon, per second",
      "answers with a coupon to the crowd, a second, from the opening to the last of them",
      { measured in
        let wins = measured.wins
        return wins.max().flatMap { $0 > 0 ? Double(wins.count) / $0 : nil }
      }
    ),
    (
      "throughput", "Answers that settle something, per second",
      "answers to the crowd that settle something, a second, from the opening to the last",
      { measured in
        guard let answered = measured.seen.answeredSeconds, answered > 0 else { return nil }
        let settled = measured.record.crowd.lazy.flatMap(\.requests).count {
          $0.call == .coupon && !$0.outcome.isUnknown
        }
        return Double(settled) / answered
      }
    ),
    (
      "sell_out_s", "From the opening until the last coupon is held",
      "seconds from the opening until somebody holds the last coupon",
      { $0.seen.soldOutSeconds }
    ),
    (
      "answered_s", "From the opening until everybody has the last answer",
      "seconds from the opening until everybody has their last answer",
      { $0.seen.answeredSeconds }
    ),
    (
      "durable_s", "From the opening until every coupon is in the database",
      "seconds from the opening until every coupon of the crowd is in the database",
      { $0.durable($0.record.effort.rows) }
    ),
    (
      "durable_after_heal_s", "From the fault’s end until every coupon won during it is in the database",
      "seconds from the end of the last fault until every coupon that was won during it is in the database",
      { measured in
        guard let fault = measured.record.faults?.whole, let last = measured.lastWon(during: fault) else {
          return nil
        }
        return measured.durable(last).map { max(0, $0 - fault.to) }
      }
    ),
    (
      "behind_at_heal", "Coupons in people's hands and not yet in the database when the fault ended",
      "coupons that somebody had when the last fault ended and that were not in the database then",
      { $0.behindAtHeal }
    ),
    (
      "settle_s", "From the end of load and faults until nothing lags",
      "seconds from the end of the load and its faults until the lag is 0",
      { $0.record.effort.settling.lag == 0 ? $0.record.effort.settling.seconds : nil }
    ),
    (
      "recover_s", "From the fault’s end to the last failed request of any kind",
      "seconds, the larger recover_s of coupons and bystander; no value where one of them has none",
      { $0.windows["recover_s"] }
    ),
    (
      "bites", "How often the faults were felt", "how often faults were felt",
      { $0.record.faults?.bites.map(Double.init) }
    ),
  ]

  static let costs: [OfTrial] = [
    (
      "cpu_s", "Processor time of all servers",
      "CPU seconds of all servers from the warm-up until the lag is 0, without the check", { $0.cpu }
    ),
    (
      "cpu_us_per_coupon", "Processor time of all servers for a coupon",
      "the same in µs for each coupon in the database by then",
      { $0.record.effort.rows > 0 ? $0.cpu / Double($0.record.effort.rows) * 1e6 : nil }
    ),
    (
      "cpu_us_per_request", "Processor time of all servers for a request",
      "the same in µs for each request by then",
      { $0.record.effort.requests > 0 ? $0.cpu / Double($0.record.effort.requests) * 1e6 : nil }
    ),
    (
      "memory_mib", "Peak memory of all servers", "MiB, the sum of each server's peak memory until then",
      { Double($0.record.effort.usage.compactMap(\.peakMemoryBytes).reduce(0, +)) / 1_048_576 }
    ),
    (
      "lateness.share", "Requests that the load generator sent late",
      "share of the requests that the generator sent more than 20 ms late",
      { $0.generator.lateShare }
    ),
    (
      "lateness.p99_ms", "99th percentile of the load generator’s lateness",
      "99th percentile of its lateness, in ms", { $0.generator.latenessP99Ms }
    ),
    (
      "generator.cpu_s", "Processor time of the load generator", "CPU seconds of the load generator",
      { $0.generator.cpuSeconds }
    ),
  ]
}
