import History
import Figures
import Foundation
import Load
package import Terminal

/// Reads a scenario, and believes nothing: unknown keys, wrong types, numbers out of bounds, faults without an end and
/// expectations of what no run measures are errors with file, line and field, before anything starts.
package enum ScenarioReader {
  /// - Throws: `UsageError` for what is wrong in the file, `LabFailure` where it cannot be read.
  package static func read(_ path: String, quick: Bool) throws -> Scenario {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw UsageError("there is no \(path)")
    }
    return try read([UInt8](data), file: path, quick: quick)
  }

  package static func read(_ bytes: [UInt8], file: String, quick: Bool) throws(UsageError) -> Scenario {
    let root: YAMLNode
    do throws(YAMLProblem) { root = try YAMLReader.read(bytes) } catch {
      throw UsageError("\(file):\(error.line): \(error.problem)")
    }
    var fields = try Fields(root, file: file)
    return try scenario(&fields, quick: quick)
  }

  private static func scenario(_ fields: inout Fields, quick: Bool) throws(UsageError) -> Scenario {
    let name = try fields.text("name").or(fields.missing("name"))
    guard isName(name) else { throw fields.problem("name", "must be letters, digits and hyphens") }
    let question = try fields.text("question").or(fields.missing("question"))
    var scenario = Scenario(name: name, question: question)
    scenario.rounds = try fields.integer("rounds", in: 1...99) ?? scenario.rounds
    scenario.restarts = try fields.choice("restart", of: Switch.self) == .true
    if var policy = try fields.map("policy") {
      try read(&policy, into: &scenario.policy)
      try policy.finish()
    }
    if var crowd = try fields.map("crowd") {
      let early = crowd.place("early")
      try read(&crowd, into: &scenario.crowd)
      try checkEarly(scenario, early)
      try crowd.finish()
    }
    scenario.faults = try TimedFault.read("faults", of: &fields) ?? []
    var lists = Lists(variants: try fields.maps("variants") ?? [], expect: try fields.texts("expect") ?? [])
    let shown = try fields.texts("show") ?? []
    // Read in any case: a mistake there must not wait for the next quick run.
    let full = scenario
    if var quicker = try fields.map("quick") { try readQuick(&quicker, into: &scenario, &lists) }
    if !quick { scenario = full }
    scenario.isQuick = quick
    try readVariants(&scenario, lists, fields)
    try readExpectations(&scenario, lists, fields)
    scenario.shown = try parse("show", shown, fields, Expectation.metric)
    if shown.isEmpty {
      scenario.shown = [
        "people.accepted", "people.failed", "oversold", "lost", "coupons.p99_ms", "bystander.p99_ms",
      ]
      .compactMap { Metric($0) }
    }
    try fields.finish()
    return scenario
  }

  private typealias Entries = [(text: String, line: Int)]

  private struct Lists {
    var variants: [Fields]
    var expect: Entries
    /// What `quick` says, whether this run is quick or not.
    var quickExpect: Entries?
    var only: Entries = []
    /// The keys of a variant that `quick` has as well.
    var quickKeys: Set<String> = []
  }

  /// `quick: {people: …, rounds: 1, only: […], faults: […], expect: […]}`
  private static func readQuick(
    _ quick: inout Fields, into scenario: inout Scenario, _ lists: inout Lists
  ) throws(UsageError) {
    scenario.rounds = try quick.integer("rounds", in: 1...9) ?? 1
    lists.only = try quick.texts("only") ?? []
    lists.quickExpect = try quick.texts("expect")
    lists.quickKeys = Set(["people", "rate", "policies", "concurrent"].filter(quick.has))
    if let faults = try TimedFault.read("faults", of: &quick) { scenario.faults = faults }
    let early = quick.place(quick.has("early") ? "early" : "midnightAt")
    try read(&quick, into: &scenario.policy)
    try read(&quick, into: &scenario.crowd)
    try checkEarly(scenario, early)
    try quick.finish()
  }

  private static func read(_ fields: inout Fields, into policy: inout Scenario.PolicyPlan) throws(UsageError)
  {
    policy.quota = try fields.integer("quota", in: 1...10_000_000) ?? policy.quota
    policy.count = try fields.integer("policies", in: 1...64) ?? policy.count
    policy.midnightAt = try fields.decimal("midnightAt", in: 1...600) ?? policy.midnightAt
    policy.perPerson = try fields.choice("perPerson") ?? policy.perPerson
  }

  private static func read(_ fields: inout Fields, into crowd: inout LoadOptions) throws(UsageError) {
    crowd.people = try fields.integer("people", in: 1...5_000_000) ?? crowd.people
    crowd.rate = try fields.decimal("rate", in: 1...1_000_000) ?? crowd.rate
    crowd.attempts = try fields.integer("attempts", in: 1...20) ?? crowd.attempts
    crowd.bystanderPerSecond =
      try fields.decimal("bystander", in: 0...10_000) ?? crowd.bystanderPerSecond
    crowd.probesPerSecond = try fields.decimal("probes", in: 0...1_000) ?? crowd.probesPerSecond
    crowd.before = try fields.decimal("before", in: 0...600).map { .seconds($0) } ?? crowd.before
    crowd.after = try fields.decimal("after", in: 0...600).map { .seconds($0) } ?? crowd.after
    crowd.earlyShare = try fields.decimal("early", in: 0...0.5) ?? crowd.earlyShare
    crowd.connections = try fields.integer("connections", in: 1...100_000) ?? crowd.connections
    crowd.concurrent = try fields.integer("concurrent", in: 1...10_000) ?? crowd.concurrent
    crowd.again = try fields.decimal("again", in: 0...600).map { .seconds($0) } ?? crowd.again
    crowd.isSteady = try fields.choice("shape", of: Shape.self).map { $0 == .steady } ?? crowd.isSteady
    try checkDuration(crowd, fields)
  }

  private enum Switch: String, CaseIterable { case `true`, `false` }
  private enum Shape: String, CaseIterable { case rush, steady }

  private static func checkDuration(_ crowd: LoadOptions, _ fields: Fields) throws(UsageError) {
    guard Double(crowd.people) / crowd.rate < 600 else {
      throw fields.problem("rate", "at this rate the crowd takes longer than ten minutes")
    }
  }

  /// A crowd of a run over midnight comes while the first day is open: nobody of it can be early.
  private static func checkEarly(_ scenario: Scenario, _ place: FieldPlace) throws(UsageError) {
    guard scenario.policy.midnightAt == nil || scenario.crowd.earlyShare == 0 else {
      throw place.problem(
        "early and midnightAt cannot be combined: with midnightAt the policy is open already")
    }
  }

  // MARK: - Variants

  private static func readVariants(
    _ scenario: inout Scenario, _ lists: Lists, _ fields: Fields
  ) throws(UsageError) {
    for var fields in lists.variants {
      let variant = try variant(&fields, scenario, lists.quickKeys)
      guard !scenario.variants.contains(where: { $0.name == variant.name }) else {
        throw fields.problem("name", "there are two variants “\(variant.name)”")
      }
      scenario.variants.append(variant)
    }
    guard !scenario.variants.isEmpty else {
      throw fields.problem("variants", "must list at least one variant")
    }
    for fault in scenario.faults
    where !scenario.variants.contains(where: { fault.exists(in: $0.architecture) }) {
      throw fields.problem("faults", "“\(fault.name)”: no variant has such a part")
    }
    let fatal = (scenario.faults + scenario.variants.flatMap(\.faults)).first(where: \.endsPrograms)
    if let fatal, !scenario.restarts {
      throw fields.problem(
        "faults", "\(fatal.name) ends the program for good; restart: true starts it again",
        line: fatal.place?.line)
    }
    for only in lists.only where !scenario.variants.contains(where: { $0.name == only.text }) {
      throw fields.problem("quick.only", "“\(only.text)” is not a variant", line: only.line)
    }
  }

  private static func variant(
    _ fields: inout Fields, _ scenario: Scenario, _ quickKeys: Set<String>
  ) throws(UsageError) -> Scenario.Variant {
    let name = try fields.text("name").or(fields.missing("name"))
    guard isName(name), name != Expectation.each else {
      throw fields.problem("name", "must be letters, digits and hyphens, and not “\(Expectation.each)”")
    }
    let strategy = fields.place("strategy")
    var variant = Scenario.Variant(
      name: name, architecture: try fields.choice("architecture").or(fields.missing("architecture")),
      strategy: try fields.text("strategy"), places: ["COUPON_STRATEGY": strategy], policy: scenario.policy,
      crowd: scenario.crowd, faults: scenario.faults)
    variant.title = try fields.text("title")
    guard variant.title.map(isTitle) ?? true else {
      throw fields.problem("title", "must be 1 to 20 characters without control characters")
    }
    if var settings = try fields.map("settings") {
      let texts = try settings.allTexts()
      variant.settings = texts.mapValues(\.text)
      variant.places.merge(texts.mapValues(\.place)) { $1 }
    }
    for key in variant.settings.keys where !key.allSatisfy({ $0.isUppercase || $0.isNumber || $0 == "_" }) {
      throw fields.problem("settings.\(key)", "is not the name of a setting")
    }
    variant.kafka = try fields.choice("kafka") ?? variant.kafka
    variant.redis = try fields.choice("redis")
    let (policies, concurrent, people, rate) = (
      try fields.integer("policies", in: 1...64), try fields.integer("concurrent", in: 1...10_000),
      try fields.integer("people", in: 1...5_000_000), try fields.decimal("rate", in: 1...1_000_000)
    )
    // What `quick` says is said for every variant: one that kept its own crowd would not be short.
    func isKept(_ key: String) -> Bool { !scenario.isQuick || !quickKeys.contains(key) }
    if isKept("policies") { variant.policy.count = policies ?? variant.policy.count }
    if isKept("concurrent") { variant.crowd.concurrent = concurrent ?? variant.crowd.concurrent }
    if isKept("people") { variant.crowd.people = people ?? variant.crowd.people }
    if isKept("rate") { variant.crowd.rate = rate ?? variant.crowd.rate }
    try checkDuration(variant.crowd, fields)
    if let faults = try TimedFault.read("faults", of: &fields) {
      for fault in faults where !fault.exists(in: variant.architecture) {
        throw fields.problem(
          "faults", "“\(fault.name)”: the \(variant.architecture.rawValue) has no such part")
      }
      variant.faults = faults
    }
    // What is said of all variants is meant of those that have the part.
    variant.faults.removeAll { !$0.exists(in: variant.architecture) }
    try fields.finish()
    return variant
  }

  // MARK: - Expectations

  /// All lists are read against all variants, whichever are run: a misspelt name is never "of another run".
  private static func readExpectations(
    _ scenario: inout Scenario, _ lists: Lists, _ fields: Fields
  ) throws(UsageError) {
    guard !lists.expect.isEmpty else { throw fields.problem("expect", "must list at least one expectation") }
    let names = scenario.variants.map(\.name)
    func read(_ text: String) throws(Expectation.Malformed) -> [Expectation] {
      try Expectation.parse(text, variants: names)
    }
    let full = try parse("expect", lists.expect, fields, read)
    let own = try lists.quickExpect.map { entries throws(UsageError) in
      try parse("quick.expect", entries, fields, read)
    }
    let chosen = lists.only.isEmpty ? Set(names) : Set(lists.only.map(\.text))
    for (index, (entry, parsed)) in zip(lists.quickExpect ?? [], own ?? []).enumerated()
    where !parsed.contains(where: { $0.speaks(onlyOf: chosen) }) {
      throw fields.problem(
        "quick.expect[\(index)]", "“\(entry.text)” is about a variant that quick.only leaves out",
        line: entry.line)
    }
    // What speaks of variants that are left out is of the full run.
    let quick = (own ?? full).joined().filter { $0.speaks(onlyOf: chosen) }
    guard !quick.isEmpty else { throw fields.problem("expect", "a quick run has no expectation left") }
    scenario.expectations = scenario.isQuick ? quick : Array(full.joined())
    if scenario.isQuick { scenario.variants.removeAll { !chosen.contains($0.name) } }
  }

  /// What each text of a list means.
  private static func parse<Meaning>(
    _ key: String, _ entries: Entries, _ fields: Fields,
    _ read: (String) throws(Expectation.Malformed) -> Meaning
  ) throws(UsageError) -> [Meaning] {
    var all: [Meaning] = []
    for (index, entry) in entries.enumerated() {
      do throws(Expectation.Malformed) { all.append(try read(entry.text)) } catch {
        throw fields.problem("\(key)[\(index)]", "\(error)", line: entry.line)
      }
    }
    return all
  }

  /// Titles are heads of columns in a terminal.
  private static func isTitle(_ text: String) -> Bool {
    (1...20).contains(text.count)
      && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
  }

  /// Names are also names of folders.
  private static func isName(_ text: String) -> Bool {
    (1...60).contains(text.utf8.count) && text.first != "-"
      && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
  }
}
