package import History
package import Laboratory

/// What one run of a nemesis is asked for.
package struct NemesisOptions: Sendable {
  /// What its lots and the crowd are drawn from.
  package var seed: UInt64
  /// Rounds go on for as long as another one fits; nil: one round.
  package var seconds: Double?
  /// One architecture alone; nil: all that it touches.
  package var only: Architecture?
  /// People a second and architecture.
  package var rate = 60.0
  /// `COUPON_STRATEGY` of the event-driven version; nil: the default.
  package var strategy: String?
  package var up = UpOptions()

  package init(seed: UInt64) { self.seed = seed }
}
