/// What must hold after every run, whatever was broken during it.
package enum Invariant: Int, Hashable, Sendable, CaseIterable {
  case quota = 1, onePerPerson, acknowledgedIsRecorded, recordedWasAsked, refusedIsNotRecorded, logOrder
  case counters, dayOfEvent, committedIsApplied, healing, deadLetters, deadlines, notVacuous, soldOutIsTrue
  case openingHours, createdOnce, soundEvidence

  /// `I1`…`I17`; docs/invariants.md explains each.
  package var name: String { "I\(rawValue)" }

  package var title: String {
    switch self {
    case .quota: "a day never has more coupons than its quota"
    case .onePerPerson: "a person has at most one coupon of a period"
    case .acknowledgedIsRecorded: "whoever was given a coupon has exactly that row"
    case .recordedWasAsked: "every row was asked for, and has its event"
    case .refusedIsNotRecorded:
      "whoever was only refused has no row; no winner heard \"sold out\", nobody 400 or 404"
    case .logOrder: "the rows are the first of the log, with their ranks"
    case .counters: "policy_day.issued is the number of rows, ranks are 1, 2, 3 …"
    case .dayOfEvent: "a row's day is its event's day"
    case .committedIsApplied: "no offset is committed that is not applied"
    case .healing: "the lag reaches 0 in time, and the day fills"
    case .deadLetters: "each poisonous message is a dead letter once"
    case .deadlines: "no request outlives its deadline; nobody wins while the deciding server is down"
    case .notVacuous: "every fault has bitten, with coupons before and after it"
    case .soldOutIsTrue: "nobody hears \"sold out\" before the last coupon of the day is won"
    case .openingHours: "coupons are given inside the hours, and \"not open\" is said outside them alone"
    case .createdOnce: "a coupon is created once: one 201, then 200"
    case .soundEvidence: "the ledgers are whole, and speak of the same policy and strategy"
    }
  }
}
