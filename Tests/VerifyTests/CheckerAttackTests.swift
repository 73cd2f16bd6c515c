import CouponDomain
import History
import LabTestSupport
import TestSupport
import Testing
import Text
import Verify

/// The checker against a generator: right runs of many shapes, each also with one thing wrong. No right run may be called
/// violated, no wrong one verified.
@Suite(.limited) struct CheckerAttackTests {
  private static let seeds: Range<UInt64> = 0..<60

  @Test(arguments: Architecture.allCases)
  func noRightRunIsViolated(architecture: Architecture) throws {
    for seed in Self.seeds {
      let run = try GeneratedRun(architecture, seed: seed)
      let troubles = Verification(checking: run.evidence).findings.filter { !$0.passes }
      #expect(troubles.isEmpty, "seed \(seed): \(troubles.map { "\($0.invariant.name): \($0.detail)" })")
    }
  }

  @Test(arguments: Violation.allCases)
  func noWrongRunIsVerified(violation: Violation) throws {
    var planted = 0
    for architecture in Architecture.allCases {
      for seed in Self.seeds {
        var run = try GeneratedRun(architecture, seed: seed)
        guard try violation.plant(in: &run) else { continue }
        planted += 1
        let findings = Verification(checking: run.evidence).findings
        let seen = findings.filter { !$0.passes }.map(\.invariant)
        #expect(!seen.isEmpty, "\(violation) in \(architecture), seed \(seed)")
        #expect(
          !violation.breaks.isDisjoint(with: seen),
          "\(violation) in \(architecture), seed \(seed): \(seen.map(\.name))")
      }
    }
    // A kind that fits no run would attack nothing.
    #expect(planted >= 4, "\(violation): \(planted)")
  }
}
