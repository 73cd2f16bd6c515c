package import Operations

/// Where a program can be told to end itself, as `kill -9` would end it there.
package enum CrashPoint: String, CaseIterable, Sendable {
  /// The worker has folded a batch with winners; the transaction is open.
  case workerBeforeCommit = "worker-before-commit"
  /// It has committed them; Kafka's group has not been told.
  case workerAfterCommit = "worker-after-commit"
  /// Redis has admitted a request of the API; nothing was published.
  case apiAfterGate = "api-after-gate"
  /// The event of a request is in the log and was read back; the request was not answered.
  case apiAfterPublish = "api-after-publish"
}

/// `CRASH_AT`: a point, and the how-many-th time that it is reached.
package struct CrashSetting: Hashable, Sendable {
  package let point: CrashPoint
  package let time: Int

  package static let mostTimes = 1_000_000

  /// Reads `worker-after-commit` or `worker-after-commit:3`; nil for anything else.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let point = CrashPoint(rawValue: String(parts[0])) else { return nil }
    let time = parts.count == 1 ? 1 : Int(parts[1])
    guard let time, (1...CrashSetting.mostTimes).contains(time) else { return nil }
    (self.point, self.time) = (point, time)
  }

  /// Nil where it is not set. Only with the operator's listener: no program in service has it.
  package static func read(
    _ reader: inout SettingsReader, isOperated: Bool
  ) throws(SettingsError) -> CrashSetting? {
    let points = CrashPoint.allCases.map(\.rawValue).joined(separator: ", ")
    return try reader.optional(
      "CRASH_AT",
      "Where to end as kill -9 would (POINT or POINT:N, the N-th time), for experiments: \(points)."
    ) { text in
      let setting = try BrokenRule.unless(
        CrashSetting(text), "must be one of \(points), and :N behind it for the N-th time")
      if !isOperated { throw BrokenRule("needs the admin listener (ADMIN_PORT, ADMIN_TOKEN)") }
      return setting
    }
  }
}
