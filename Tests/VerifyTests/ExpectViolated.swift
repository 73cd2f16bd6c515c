import LabTestSupport
import Testing
import Verify

/// The checker has to see a breach that was planted.
func expectViolated(
  _ run: SyntheticRun, _ invariant: Invariant, location: SourceLocation = #_sourceLocation
) throws {
  let finding = try run.verdict(invariant)
  #expect(finding.word == "VIOLATED", "\(finding.detail)", sourceLocation: location)
  #expect(!Verification(checking: run.evidence).passed, sourceLocation: location)
}
