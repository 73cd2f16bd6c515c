import CouponDomain
import CouponStore
import TestSupport

extension FuzzTarget {
  /// The payload of a message of the log. What is read can be written and is read back the same; the fold of it never
  /// traps, and says the same twice.
  static let logEntries = FuzzTarget(
    "log-entries",
    tokens: [
      "\\u0000", "\\ud800", "\\uD83D\\uDE00", "null", "true", "CouponIssued", "PolicyCreated",
      "\"version\":2",
      "\"policyId\":1", "2025-02-30", "9999-12-31", "0000-00-00", "24:00:00", "Asia/Seoul", "once", "daily",
    ], maximumLength: 5_000
  ) { input, _ in
    let read = LogCodec.read(input)
    guard case .success(let entry) = read else {
      try fold([read])
      return false
    }
    let written = LogCodec.encode(entry)
    guard written.count <= LogCodec.maximumLength / 2 else { throw BrokenProperty("written over-long") }
    guard LogCodec.read(written) == read else { throw BrokenProperty("not read back as it was written") }
    try fold([read, read])
    return true
  }

  private static let key: CouponKey = {
    guard let key = CouponKey("a key for the fuzzer") else { preconditionFailure("a bad key") }
    return key
  }()

  private static func fold(_ entries: [ReadEntry]) throws {
    var (first, second) = (LogLedger(key: key) { _ in 0 }, LogLedger(key: key) { _ in 0 })
    for entry in entries {
      guard first.apply(entry, partition: 0) == second.apply(entry, partition: 0) else {
        throw BrokenProperty("two readers fold it differently")
      }
    }
  }
}
