package import Operations

/// How coupons are issued, in both architectures.
package struct CouponSettings<Strategy: Sendable>: Sendable {
  /// Secret: the key from which the coupon ids are derived.
  package let key: CouponKey
  package let strategy: Strategy
  /// The strategy's name in `COUPON_STRATEGY`.
  package let strategyName: String
  /// Added to the wall clock; for experiments.
  package let clockOffsetMilliseconds: Int

  /// - Parameters:
  ///   - strategies: those that the program supports, the default first.
  ///   - isOperated: whether the operator's listener is enabled, which settings for experiments require.
  package init(
    _ reader: inout SettingsReader, strategies: [(name: String, value: Strategy)], isOperated: Bool
  ) throws(SettingsError) {
    key = try reader.required(
      "COUPON_KEY", example: String(repeating: "k", count: CouponKey.lengths.lowerBound),
      "Secret from which the coupon ids are derived, 16 to 1024 bytes.", secret: true
    ) { try BrokenRule.unless(CouponKey($0), "must be 16 to 1024 bytes long") }
    (strategyName, strategy) = try reader.choice(
      "COUPON_STRATEGY", of: strategies, "How a coupon is decided.")
    clockOffsetMilliseconds = try reader.integer(
      "CLOCK_OFFSET_MS", default: 0, in: -315_360_000_000...315_360_000_000, unit: "ms",
      "Added to the clock; for experiments.")
    guard !isOperated else { return }
    if strategyName != strategies[0].name {
      throw SettingsError(
        setting: "COUPON_STRATEGY",
        rule: "other than the default needs the admin listener (ADMIN_PORT, ADMIN_TOKEN)")
    }
    if clockOffsetMilliseconds != 0 {
      throw SettingsError(
        setting: "CLOCK_OFFSET_MS", rule: "needs the admin listener (ADMIN_PORT, ADMIN_TOKEN)")
    }
  }
}

extension Schema {
  /// `DATABASE_SCHEMA`, which differs between labs that share a database.
  ///
  /// - Parameter standard: the schema named after the program.
  package init(_ reader: inout SettingsReader, standard: Schema) throws(SettingsError) {
    self =
      try reader.optional("DATABASE_SCHEMA", "Schema of the tables; by default the program's name.") {
        try BrokenRule.unless(Schema($0), "must be 1 to 63 of the characters a-z0-9_, not a digit first")
      } ?? standard
  }
}
