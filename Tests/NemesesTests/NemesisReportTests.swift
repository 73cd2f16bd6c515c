import Nemeses
import TestSupport
import Testing

/// What counts as bitten, and what a run that shows nothing is called.
@Suite(.limited) struct NemesisReportTests {
  private func report(
    _ faults: [NemesisReport.Fault], findings: [NemesisReport.Finding] = [], mayHide: Bool = false
  ) throws -> NemesisReport {
    var report = NemesisReport(try #require(Nemesis.named("N1")), seed: 7)
    report.trials = [
      .init(
        round: 1, architecture: "eda", requests: 100, coupons: 90, faults: faults, findings: findings,
        isVerified: findings.allSatisfy { !$0.isBroken }, mayHide: mayHide)
    ]
    return report
  }

  private func fault(
    bites: Int = 5, before: Int = 10, during: Int = 0, after: Int = 10, seconds: Double = 1,
    isSurvived: Bool = false
  ) -> NemesisReport.Fault {
    .init(
      name: "worker killed", seconds: seconds, bites: bites, before: before, during: during, after: after,
      isSurvived: isSurvived)
  }

  @Test func aFaultThatBitWithCouponsAroundItIsVerified() throws {
    #expect(try report([fault()]).verdict == .verified)
    #expect(try report([fault(during: 3, isSurvived: true)]).verdict == .verified)
    // A moment is too short for a coupon to be owed.
    #expect(try report([fault(seconds: 0.3, isSurvived: true)]).verdict == .verified)
  }

  @Test func aRunThatNeverBitFails() throws {
    for fault in [
      fault(bites: 0), fault(before: 0), fault(after: 0), fault(during: 0, isSurvived: true),
    ] {
      let report = try report([fault])
      #expect(report.verdict == .neverBit)
      #expect(!report.hasPassed)
    }
    #expect(try report([]).verdict == .neverBit)
    // Of two, both must bite.
    #expect(try report([fault(), fault(bites: 0)]).verdict == .neverBit)
  }

  @Test func faultsThatMayHideEachOtherNeedOneThatBit() throws {
    #expect(try report([fault(), fault(bites: 0)], mayHide: true).verdict == .verified)
    #expect(try report([fault(bites: 0)], mayHide: true).verdict == .neverBit)
    #expect(try report([], mayHide: true).verdict == .neverBit)
    // Of several rounds one may show nothing, but none of the architectures may be left alone in all of them.
    var several = try report([fault()], mayHide: true)
    for (round, faults) in [[], [fault(bites: 0)]].enumerated() {
      several.trials += try report(faults, mayHide: true).trials
      several.trials[round + 1].round = round + 2
    }
    #expect(several.verdict == .verified && several.isSound)
    several.trials[2].architecture = "monolith"
    #expect(several.verdict == .neverBit && several.isSound)
  }

  @Test func aBrokenInvariantIsAViolationHoweverOftenItBit() throws {
    for verdict in ["VIOLATED", "VACUOUS"] {
      let finding = NemesisReport.Finding(invariant: "I3", verdict: verdict, detail: "lost")
      #expect(try report([fault()], findings: [finding]).verdict == .violated)
    }
    let vacuous = NemesisReport.Finding(invariant: "I13", verdict: "VIOLATED", detail: "never bit")
    #expect(try report([fault(bites: 0)], findings: [vacuous]).verdict == .neverBit)
  }

  @Test func whatCouldNotBeDoneIsSkippedAndPasses() throws {
    var report = NemesisReport(try #require(Nemesis.named("N14")), seed: 7)
    report.skipped = ["no installed Kafka"]
    #expect(report.verdict == .skipped)
    #expect(report.hasPassed)
  }
}
