import Figures
import Experiments
import Laboratory
import Scenarios
import Terminal
import TestSupport
import Testing
import Verify

/// What is wrong with a scenario only for the programs and servers that are there.
@Suite(.limited) struct CheckTests {
  private static let scenario = """
    name: n
    question: What breaks?
    policy: {quota: 100}
    crowd: {people: 2000, rate: 400}

    # The lines of what is refused are those of the messages.
    variants:
      - {name: monolith, architecture: monolith}
      - {name: eda, architecture: eda, strategy: log, settings: {DATABASE_POOL: 16}}
    faults:
      - {at: 3, switch: {target: database, kind: outage, ttlSeconds: 10}}
      - {at: 4, name: dead, kill: {part: worker}}
      - {at: 6.5, restart: {part: worker}}
    expect: [each.accepted.failed == 0]
    """

  private func read(_ text: String) throws -> Scenario {
    try ScenarioReader.read(Array(text.utf8), file: "scenario.yaml", quick: false)
  }

  @Test(arguments: [
    ("strategy: log", "strategy: lock", "9: variants[1].strategy: must be one of log, redis-transaction"),
    ("DATABASE_POOL: 16", "DATABASE_POOOL: 16", "settings.DATABASE_POOOL: is not a setting of the eda"),
    (
      "DATABASE_POOL: 16", "DATABASE_POOL: 0", "settings.DATABASE_POOL: must be a number in 1…512 connections"
    ),
    ("DATABASE_POOL: 16", "SHARE_PORT: perhaps", "settings.SHARE_PORT: must be one of on, off"),
    ("DATABASE_POOL: 16", "CRASH_AT: worker-before-commit", nil), ("", "", nil),
  ])
  func settingsAreThoseOfTheProgram(part: String, wrong: String, message: String?) throws {
    let declared = DeclaredSettings(of: .edaAPI)
    let variant = try read(CheckTests.scenario.replacing(part, with: wrong)).variants[1]
    guard let message else { return try variant.checkSettings([declared]) }
    let error = #expect(throws: UsageError.self) { try variant.checkSettings([declared]) }
    #expect(error?.description.contains(message) ?? false, "\(error?.description ?? "")")
    #expect(error?.description.hasPrefix("scenario.yaml:9: variants[1].") ?? false)
  }

  @Test(arguments: [
    (
      "kill: {part: worker}", "kill: {part: kafka}", [:], true, "faults[1]: the embedded broker holds the log"
    ),
    ("kill: {part: worker}", "stop: {part: kafka, for: 1}", [:], true, nil),
    (
      "kill: {part: worker}", "stop: {part: kafka, for: 1}", ["KAFKA_BROKERS": "a:1"], true,
      "kafka is named by KAFKA_BROKERS"
    ),
    (
      "kill: {part: worker}", "stop: {part: database, for: 1}", ["DATABASE_URL": "a"], true,
      "database is named by DATABASE_URL"
    ),
    ("kill: {part: worker}", "stop: {part: redis, for: 1}", ["REDIS_URL": ""], true, nil),
    ("kill: {part: worker}", "kill: {part: kafka}", [:], false, nil),
  ])
  func onlyWhatTheRunWillHaveCanBeBroken(
    part: String, wrong: String, environment: [String: String], isEmbedded: Bool, message: String?
  ) throws {
    let broken = wrong.contains("kill") ? "restart: {part: kafka}" : "restart: {part: worker}"
    let text = CheckTests.scenario.replacing(part, with: wrong)
      .replacing("restart: {part: worker}", with: broken)
    var options = UpOptions()
    (options.environment, options.installedKafka) = (environment, !isEmbedded)
    let fault = try read(text).faults[1]
    guard let message else { return try fault.check(options) }
    let error = #expect(throws: UsageError.self) { try fault.check(options) }
    #expect(error?.description.contains(message) ?? false, "\(error?.description ?? "")")
    #expect(error?.description.hasPrefix("scenario.yaml:12: faults[1]") ?? false)
  }

  @Test func whatIsNotExcusedFailsTheRun() throws {
    func finding(_ name: String, _ verdict: String) -> FindingFigures {
      var finding = FindingFigures(Finding(.quota, .ok("")))
      (finding.invariant, finding.verdict) = (name, verdict)
      return finding
    }
    func run(_ findings: [FindingFigures], verified: Bool = false) -> ExperimentResult.Trial {
      ExperimentResult.Trial(
        round: 1, variant: "a", metrics: [:], faults: [], findings: findings, usage: [], verified: verified)
    }
    #expect(run([finding("I1", "VIOLATED"), finding("I2", "ok")]).isVerified(except: ["I1"]))
    #expect(!run([finding("I1", "VIOLATED"), finding("I2", "VACUOUS")]).isVerified(except: ["I1"]))
    #expect(!run([]).isVerified(except: ["I1"]))
    #expect(run([finding("I1", "ok")], verified: true).isVerified(except: []))
  }
}
