import Faults
import TestSupport
import Testing

@Suite(.limited) struct FaultSpecTests {
  @Test func whatIsWithinBoundsIsTaken() throws {
    #expect(try FaultSpec(kind: .outage, ttlSeconds: 10).json == #"{"kind":"outage","ttlSeconds":10.0}"#)
    #expect(
      try FaultSpec(kind: .latency, latencyMs: 60_000, ttlSeconds: 3_600).json
        == #"{"kind":"latency","latencyMs":60000,"ttlSeconds":3600.0}"#)
    #expect(
      try FaultSpec(kind: .flaky, rate: 1, ttlSeconds: 0.5, seed: FaultSpec.greatestSeed).json
        == #"{"kind":"flaky","rate":1.0,"seed":9007199254740991,"ttlSeconds":0.5}"#)
  }

  @Test(
    arguments: [
      (FaultKind.outage, nil, nil, 0.0, nil, "ttlSeconds"), (.outage, nil, nil, -1, nil, "ttlSeconds"),
      (.outage, nil, nil, 3_601, nil, "ttlSeconds"), (.outage, nil, nil, .nan, nil, "ttlSeconds"),
      (.outage, nil, nil, .infinity, nil, "ttlSeconds"), (.outage, 5, nil, 1, nil, "latencyMs"),
      (.latency, nil, nil, 1, nil, "latencyMs"), (.latency, 0, nil, 1, nil, "latencyMs"),
      (.latency, 60_001, nil, 1, nil, "latencyMs"), (.latency, 5, 0.5, 1, nil, "rate"),
      (.flaky, nil, nil, 1, nil, "rate"), (.flaky, nil, 0, 1, nil, "rate"),
      (.flaky, nil, 1.01, 1, nil, "rate"),
      (.flaky, nil, .nan, 1, nil, "rate"), (.flaky, nil, 0.5, 1, FaultSpec.greatestSeed + 1, "seed"),
      (.hang, nil, nil, 1, 7, "seed"),
    ] as [(FaultKind, Int?, Double?, Double, UInt64?, String)])
  func whatIsNotNamesItsField(
    kind: FaultKind, latencyMs: Int?, rate: Double?, ttlSeconds: Double, seed: UInt64?, field: String
  ) {
    do throws(InvalidFault) {
      _ = try FaultSpec(kind: kind, latencyMs: latencyMs, rate: rate, ttlSeconds: ttlSeconds, seed: seed)
      Issue.record("taken")
    } catch {
      #expect(error.field == field)
      #expect("\(error)".hasPrefix(field + " "))
    }
  }
}
