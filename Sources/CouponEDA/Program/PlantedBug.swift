/// Mistakes that somebody could make, for tests of the checker: it has to find each. Only initialisers take them; no
/// setting reaches them.
package enum PlantedBug: String, Hashable, Sendable, CaseIterable {
  /// The API answers 201 on the bare delivery report, though the log decides.
  case bareDeliveryReport
  /// The API answers 409 because Redis' set is full, not because the list is.
  case soldOutFromSet
  /// The worker tells Kafka an offset as soon as the message is read (what a consumer's automatic offset store does).
  case storesOffsetsEarly
  /// The worker leaves the first claim of a batch out.
  case skipsEvent
  /// The worker counts the first winner of a batch twice.
  case countsTwice
  /// The worker takes a batch day by day, as a GROUP BY would, and not in the order of the log.
  case groupsByDay
  /// The worker does not write the counter of a day's last coupon.
  case losesIssued
}
