import Figures
import PrivateServers
import CouponDomain
import Faults
import Foundation
import History
import Load
import Scenarios
import Terminal
import TestSupport
import Testing
import Verify

/// What a scenario may say, and how it is told what it may not.
@Suite(.limited) struct ScenarioTests {
  static let good = """
    name: 04-database-outage
    question: What breaks?
    rounds: 3
    policy: {quota: 100, perPerson: once}
    crowd: {people: 2000, rate: 400, attempts: 4, bystander: 40, before: 2, after: 3, shape: steady}
    quick: {people: 200, rate: 100, only: [monolith], expect: ["monolith.oversold == 0"]}
    variants:
      - {name: monolith, architecture: monolith}
      - {name: eda, architecture: eda, redis: always, strategy: log, settings: {DATABASE_POOL: 16}}
    faults:
      - {at: 3, switch: {target: database, kind: outage, ttlSeconds: 10}}
      - {at: 4, name: dead, kill: {part: worker}}
      - {at: 6.5, restart: {part: worker}}
    expect:
      - monolith.bystander.failed > 0.5 during fault
      - eda.coupons.p99_ms < monolith.coupons.p99_ms * 0.5
      - each.accepted.failed == 0
    show: [oversold, coupons.failed during fault]
    """

  private func read(_ text: String, quick: Bool = false) throws -> Scenario {
    try ScenarioReader.read(Array(text.utf8), file: "scenario.yaml", quick: quick)
  }

  /// One seed for all programs, which the run's seed gives: what was drawn once is drawn again.
  @Test func faultsThatDrawLotsHaveTheirSeedFromTheRun() throws {
    let seed = LabFault.seed(ofRun: 7, fault: 1)
    #expect(seed == LabFault.seed(ofRun: 7, fault: 1) && seed <= FaultSpec.greatestSeed)
    #expect(seed != LabFault.seed(ofRun: 7, fault: 2) && seed != LabFault.seed(ofRun: 8, fault: 1))
    let flaky = LabFault.switched(.database, try FaultSpec(kind: .flaky, rate: 0.5, ttlSeconds: 2))
    #expect(
      try flaky.seeded(seed)
        == .switched(.database, FaultSpec(kind: .flaky, rate: 0.5, ttlSeconds: 2, seed: seed)))
    #expect(try LabFault.duplicates(share: 0.5).seeded(seed) == .duplicates(share: 0.5, seed: seed))
    let outage = LabFault.switched(.redis, try FaultSpec(kind: .outage, ttlSeconds: 2))
    #expect(try outage.seeded(seed) == outage)
  }

  /// A bug in the code: the crowd's names have its seed, so a person is named by their number.
  @Test func aFaultOfCouponsIsForAPersonOfTheCrowd() throws {
    let switched = ScenarioTests.good.replacing(
      "target: database, kind: outage", with: "target: coupons, kind: crash, person: 45"
    ).replacing("rounds: 3", with: "restart: true\nrounds: 3")
    let scenario = try read(switched)
    #expect(scenario.restarts && scenario.variants.allSatisfy { $0.faults.first?.name == "coupons crash" })
    #expect(
      try scenario.faults[0].forPeople(called: "p7-")
        == .switched(.coupons, FaultSpec(kind: .crash, ttlSeconds: 10, prefix: "p7-45")))
    #expect(try !read(ScenarioTests.good).restarts)
  }

  /// Some editors write one before the text; what it says of UTF-8 is so anyway.
  @Test func aByteOrderMarkIsNoText() throws {
    let marked = try ScenarioReader.read(
      [0xEF, 0xBB, 0xBF] + Array(ScenarioTests.good.utf8), file: "scenario.yaml", quick: false)
    let plain = try read(ScenarioTests.good)
    #expect(marked == plain)
  }

  @Test(arguments: [[0xFF, 0xFE], [0xFE, 0xFF]] as [[UInt8]])
  func anotherEncodingIsNamed(mark: [UInt8]) throws {
    let error = #expect(throws: UsageError.self) {
      try ScenarioReader.read(mark + [0x6E, 0, 0x61, 0], file: "scenario.yaml", quick: false)
    }
    #expect(error?.description == "scenario.yaml:1: is UTF-16; a scenario is UTF-8")
  }

  @Test func everythingIsRead() throws {
    let scenario = try read(ScenarioTests.good)
    #expect(scenario.crowd.people == 2_000 && scenario.crowd.isSteady)
    // Nobody waits at the generator.
    #expect(scenario.crowd.connections == LoadOptions().connections)
    #expect(scenario.variants.map(\.name) == ["monolith", "eda"])
    #expect(scenario.variants[1].settings == ["DATABASE_POOL": "16"])
    #expect(scenario.variants[1].redis == .always)
    #expect(scenario.faults.map(\.name) == ["database outage", "dead", "worker restarted"])
    #expect(
      scenario.expectations.map(\.text).suffix(2) == [
        "monolith.accepted.failed == 0", "eda.accepted.failed == 0",
      ])
    #expect(scenario.shown.map(\.description) == ["oversold", "coupons.failed@during"])
  }

  @Test func quickOverrides() throws {
    let scenario = try read(ScenarioTests.good, quick: true)
    #expect(scenario.rounds == 1 && scenario.crowd.people == 200)
    #expect(scenario.variants.map(\.name) == ["monolith"])
    #expect(scenario.variants[0].crowd.people == 200)
    #expect(scenario.expectations.map(\.text) == ["monolith.oversold == 0"])
  }

  @Test(arguments: [
    ("rounds: 3", "rounds: 0", ":3: rounds: must be a whole number in 1…99, not “0”"),
    ("rounds: 3", "rounds: \"3\"", ":3: rounds: must be a whole number"),
    ("rounds: 3", "bounds: 3", ":3: bounds: unknown key"),
    ("quota: 100", "quota: lots", ":4: policy.quota: must be a whole number"),
    ("perPerson: once", "perPerson: twice", "policy.perPerson: must be one of once, daily, not “twice”"),
    ("people: 2000", "people: [1]", "crowd.people: must be a whole number in 1…5000000, not a list"),
    ("{people: 200,", "{poeple: 200,", ":6: quick.poeple: unknown key"),
    ("architecture: monolith}", "architecture: serverless}", "variants[0].architecture: must be one of"),
    ("name: eda", "name: monolith", "there are two variants “monolith”"),
    ("kind: outage", "kind: earthquake", ":11: faults[0].switch.kind: must be one of outage"),
    (", ttlSeconds: 10", "", ":11: faults[0].switch.ttlSeconds: is missing"),
    ("ttlSeconds: 10", "ttlSeconds: 9999", "faults[0].switch.ttlSeconds: must be a number in 0.1…3600"),
    ("kind: outage", "kind: latency", "faults[0].switch.latencyMs: is required with latency"),
    ("kind: outage", "kind: stall, stallMs: 5", "faults[0].switch.kind: must be one of outage, hang"),
    (
      "target: database, kind: outage", "target: coupons, kind: crash", "faults[0].switch.prefix: or every is"
    ),
    ("target: database, kind: outage", "target: coupons, kind: error", "ends the program for good"),
    ("rounds: 3", "restart: often", "restart: must be one of true, false"),
    ("kind: outage", "kind: latency, latencyMs: 70000", "latencyMs: must be a whole number in 1…60000"),
    ("kind: outage", "kind: flaky, rate: 2", "rate: must be a number in"),
    ("kill: {part: worker}", "explode: {part: worker}", ":12: faults[1].explode: unknown fault"),
    ("kill: {part: worker}", "kill: {part: api}", "dead is never followed by a restart of api"),
    ("redis: always", "title: more than twenty letters", "variants[1].title: must be 1 to 20 characters"),
    ("monolith.bystander", "monolyth.bystander", "expect[0]: “monolyth” is not a variant"),
    ("bystander.failed", "bystander.happy", "expect[0]: “bystander.happy” is no metric"),
    ("> 0.5 during fault", "> lots", "expect[0]: “lots” is not a metric of a variant"),
    ("> 0.5 during fault", "during fault", "expect[0]: must read VARIANT.METRIC"),
    (
      "accepted.failed == 0", "oversold == 0 during fault", "“oversold” is of the whole run and has no during"
    ),
    ("show: [oversold", "show: [beauty", "show[0]: “beauty” is no metric"),
    ("show: [oversold", "show: [lost before fault", "show[0]: “lost” is of the whole run and has no before"),
    (
      "bystander.failed > 0.5 during fault", "coupons.recover_s < 5 during fault",
      "expect[0]: “coupons.recover_s” is of the whole run and has no during"
    ),
    ("- each.accepted", "- eech.accepted", "expect[2]: “eech” is not a variant"),
    ("only: [monolith]", "only: [monolyth]", ":6: quick.only: “monolyth” is not a variant"),
    ("\"monolith.oversold", "\"monolyth.oversold", ":6: quick.expect[0]: “monolyth” is not a variant"),
    (
      "\"monolith.oversold", "\"eda.oversold", "quick.expect[0]: “eda.oversold == 0” is about a variant that"
    ),
    ("question: What breaks?", "question: &a What", "anchors (&name) are not supported"),
    ("question: What breaks?", "question: *a", "aliases (*name) are not supported"),
    ("question: What breaks?", "question: !!str x", "tags (!name) are not supported"),
    ("question: What breaks?", "name: twice", "“name” is given twice"),
    ("question: What breaks?", "question: [", "scenario.yaml:"),
  ])
  func mistakesAreNamed(part: String, wrong: String, message: String) throws {
    let text = ScenarioTests.good.replacing(part, with: wrong, maxReplacements: 1)
    // Whichever run is asked for: what is wrong with the other one must not wait for it.
    for quick in [false, true] {
      let error = #expect(throws: UsageError.self) { try read(text, quick: quick) }
      #expect(error?.description.contains(message) ?? false, "\(error?.description ?? "")")
      #expect(error?.description.hasPrefix("scenario.yaml:") ?? false)
    }
  }

  /// Over midnight the policy is open before anybody comes.
  @Test(arguments: [
    (["quota: 100": "quota: 100, midnightAt: 2", "before: 2": "before: 2, early: 0.1"], ":5: crowd.early"),
    (["quick: {": "quick: {midnightAt: 2, ", "before: 2": "before: 2, early: 0.1"], ":6: quick.midnightAt"),
    (["quota: 100": "quota: 100, midnightAt: 2", "quick: {": "quick: {early: 0.1, "], ":6: quick.early"),
  ])
  func nobodyIsEarlyOverMidnight(changes: [String: String], place: String) throws {
    let text = changes.reduce(ScenarioTests.good) { $0.replacing($1.key, with: $1.value) }
    for quick in [false, true] {
      let error = #expect(throws: UsageError.self) { try read(text, quick: quick) }
      #expect(error?.description.hasPrefix("scenario.yaml\(place): early and midnightAt") ?? false)
    }
    let both = text.replacing("early: 0.1", with: "early: 0")
    #expect(try read(both, quick: true).policy.midnightAt == 2)
  }

  /// What speaks of variants that a quick run leaves out is of the full run; everything else is judged.
  @Test func aQuickRunJudgesAllThatItCan() throws {
    let text = ScenarioTests.good.replacing(", expect: [\"monolith.oversold == 0\"]", with: "")
    #expect(
      try read(text, quick: true).expectations.map(\.text) == [
        "monolith.bystander.failed > 0.5 during fault", "monolith.accepted.failed == 0",
      ])
  }

  @Test func whatQuickSaysIsSaidForEveryVariant() throws {
    let text = ScenarioTests.good.replacing(
      "architecture: monolith}", with: "architecture: monolith, people: 1760, concurrent: 8}")
    #expect(try read(text, quick: true).variants[0].crowd.people == 200)
    #expect(try read(text, quick: true).variants[0].crowd.concurrent == 8)
    #expect(try read(text).variants[0].crowd.people == 1_760)
  }

  @Test(arguments: [
    ("6", "database", true), ("12.9", "database", true), ("3", "database", true), ("13.1", "database", false),
    ("6", "redis", false),
  ])
  func oneSwitchOfATargetAtATime(at: String, target: String, isRefused: Bool) throws {
    let second = "  - {at: \(at), switch: {target: \(target), kind: hang, ttlSeconds: 1}}\nexpect:"
    let text = ScenarioTests.good.replacing("expect:\n", with: second + "\n", maxReplacements: 1)
    guard isRefused else {
      #expect(try read(text).faults.count == 4)
      return
    }
    let error = #expect(throws: UsageError.self) { try read(text) }
    let words = "scenario.yaml:14: faults[3].at: the switch of database in line 11 is on until 13.0 s"
    #expect(error?.description.contains(words) ?? false, "\(error?.description ?? "")")
  }

  @Test func fewerRoundsThanThreeReplaceNoResult() throws {
    var scenario = try read(ScenarioTests.good)
    #expect(!scenario.keepsResult(ofRounds: 1) && !scenario.keepsResult(ofRounds: 2))
    #expect(scenario.keepsResult(ofRounds: 3) && scenario.keepsResult(ofRounds: 9))
    scenario.rounds = 1
    #expect(scenario.keepsResult(ofRounds: 1))
  }

  @Test func sizesAreBounded() {
    var limits = YAMLReader.Limits()
    #expect(throws: YAMLProblem.self) { try YAMLReader.read([], limits: limits) }
    let deep = Array((String(repeating: "[", count: 50) + String(repeating: "]", count: 50)).utf8)
    #expect(throws: YAMLProblem(line: 1, "deeper than 12 levels")) {
      try YAMLReader.read(deep, limits: limits)
    }
    let wide = Array("[\(String(repeating: "1,", count: 20_000))]".utf8)
    #expect(throws: YAMLProblem(line: 1, "more than 10000 values")) {
      try YAMLReader.read(wide, limits: limits)
    }
    limits.bytes = 10
    #expect(throws: YAMLProblem.self) { try YAMLReader.read(wide, limits: limits) }
    #expect(throws: YAMLProblem.self) { try YAMLReader.read(Array("a: 1\n---\nb: 2".utf8)) }
  }
}

@Suite(.limited) struct JudgementTests {
  private func judge(_ text: String, _ rounds: [[String: [String: Double]]]) throws -> Judgement {
    var measured = Measured()
    for round in rounds { measured.add(round: round) }
    return Judgement(try Expectation(text, variants: ["a", "b"]), measured)
  }

  @Test func inequalitiesAreJudgedOverMedians() throws {
    let rounds = [["a": ["oversold": 1.0]], ["a": ["oversold": 9]], ["a": ["oversold": 5]]]
    #expect(try judge("a.oversold > 4", rounds).verdict == .holds)
    #expect(try judge("a.oversold > 5", rounds).verdict == .fails)
    #expect(try judge("a.oversold >= 5", rounds).left == 5)
  }

  @Test func equalitiesMustHoldInEveryRound() throws {
    let rounds = [["a": ["oversold": 0.0]], ["a": ["oversold": 1]], ["a": ["oversold": 0]]]
    let judgement = try judge("a.oversold == 0", rounds)
    #expect(judgement.verdict == .fails)
    #expect(judgement.detail == "in 2 of 3 rounds")
  }

  @Test func anotherVariantsMetricTimesAFactor() throws {
    let round = ["a": ["coupons.p99_ms@during": 10.0], "b": ["coupons.p99_ms@during": 30.0]]
    #expect(try judge("a.coupons.p99_ms < b.coupons.p99_ms * 0.5 during fault", [round]).verdict == .holds)
    #expect(try judge("a.coupons.p99_ms < b.coupons.p99_ms * 0.2 during fault", [round]).verdict == .fails)
    #expect(try judge("b.coupons.p99_ms > a.coupons.p99_ms during fault", [round]).right == 10)
  }

  @Test func whatWasNeverMeasuredFails() throws {
    #expect(try judge("a.durable_s < 30", [["a": ["rows": 1]]]).verdict == .neverEvaluated)
    let twice = [["a": ["durable_s": 1.0]], ["a": ["rows": 1]], ["a": ["durable_s": 2]]]
    let judgement = try judge("a.durable_s < 30", twice)
    #expect(judgement.verdict == .neverEvaluated)
    #expect(judgement.detail == "measured in 2 of 3 rounds")
    #expect(try judge("a.durable_s < b.durable_s", [["a": ["durable_s": 1]]]).verdict == .neverEvaluated)
    #expect(try judge("a.durable_s < 30", [["a": ["durable_s": .infinity]]]).verdict == .neverEvaluated)
  }

  @Test(
    arguments: [
      ("oversold > 0", [.quota]), ("oversold >= 1", [.quota]), ("oversold != 0", [.quota]),
      ("oversold == 3", [.quota]), ("oversold >= 0", []), ("oversold == 0", []), ("oversold > -1", []),
      ("duplicates > 0", [.onePerPerson]), ("lost > 0", [.acknowledgedIsRecorded]),
      ("missing > 0", [.healing]),
      ("accepted.failed > 0", [.acknowledgedIsRecorded]),
      ("wrong > 0", [.quota, .onePerPerson, .acknowledgedIsRecorded]), ("findings > 0", Invariant.allCases),
      ("coupons.failed > 0", []), ("oversold >= b.oversold", []),
    ] as [(String, [Invariant])])
  func aClaimThatSomethingGoesWrongExcusesOnlyWhatItIsAbout(text: String, invariants: [Invariant]) throws {
    #expect(try Expectation("a.\(text)", variants: ["a", "b"]).excused == Set(invariants))
  }

}

@Suite(.limited) struct CheckedInScenarioTests {
  /// A mistake in one of them must not wait until somebody runs it.
  @Test func everyOneCanBeReadInBothLengths() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
      path: "../../experiments"
    ).standardizedFileURL.path
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { FileManager.default.fileExists(atPath: "\(folder)/\($0)/scenario.yaml") }
    #expect(names.count > 10)
    for name in names {
      for quick in [false, true] {
        let scenario = try ScenarioReader.read("\(folder)/\(name)/scenario.yaml", quick: quick)
        #expect(scenario.name == name && !scenario.expectations.isEmpty)
      }
    }
  }

  /// The help of `lab demo` states what its scenario says.
  @Test func theDemosCrowdIsThatOfItsHelp() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
      path: "../../experiments/00-demo/scenario.yaml")
    let scenario = try ScenarioReader.read(path.standardizedFileURL.path, quick: false)
    #expect(scenario.crowd == LoadOptions.ofDemo && scenario.policy.quota == LoadOptions.ofDemo.quota)
    #expect(scenario.rounds == 3)
    #expect(scenario.variants.map { $0.title ?? $0.name } == ["monolith", "monolith + cache", "eda"])
    #expect(scenario.variants.map(\.strategy) == [nil, "for-update-cached", nil])
    #expect(scenario.variants.map(\.architecture) == [.monolith, .monolith, .eda])
  }
}
