import Scenarios
import Figures
package import Experiments
import Terminal

/// `RESULT.md`: what was measured, what was expected, what was checked, and on what.
package struct ExperimentPage {
  let result: ExperimentResult
  /// Files beside the page.
  let pictures: [Picture]
  /// The way to the project's root.
  let root: String

  package init(result: ExperimentResult, pictures: [Picture] = [], root: String = "../..") {
    (self.result, self.pictures, self.root) = (result, pictures, root)
  }

  package var markdown: String {
    let pictures = pictures.map(\.markdown).joined(separator: "\n\n")
    return [head, table, bottleneck, pictures, expectations, checks, provenance]
      .filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
  }

  private var head: String {
    """
    # \(result.name): the result

    \(result.question)

    **\(result.passed ? "Everything that was expected holds." : "Not everything holds: see below.")**
    \(result.rounds) \(result.rounds == 1 ? "round" : "rounds") with the variants in turn, seed `\(result.seed)`; \
    medians, and where the rounds differ the least and the greatest in brackets. Behind a share stands of how many \
    requests it is one, in a round. Latencies are of good answers only, and a percentile of fewer than \
    \(Percentile.fewestAnswers) answers is not shown; – means that no round has a value, "1 of 3 rounds" that the others \
    have none.
    """
  }

  private var table: String {
    let names = result.variants.map(\.name)
    let generator = ["lateness.share", "generator.cpu_s"]
    let metrics = result.shown.filter { !generator.contains($0) } + generator
    return FigureTable(
      columns: names,
      rows: metrics.map { metric in
        let name = String(metric.prefix { $0 != "@" })
        return .init(
          label: ExperimentPage.label(metric),
          values: names.map {
            text(result.medians[$0]?[metric], name, of: ExperimentPage.count(of: metric, $0, in: result))
          })
      }
    ).markdown
  }

  /// Where the generator was late in half of the rounds.
  private var bottleneck: String {
    let late = result.variants.compactMap { variant in
      result.medians[variant.name]?["lateness.share"].flatMap { spread in
        spread.median > GeneratorFigures.toleratedShare
          ? "\(variant.name) (\(Numbers.percent(spread.median)))" : nil
      }
    }
    guard !late.isEmpty else { return "" }
    return """
      **The load generator was the bottleneck** of \(late.joined(separator: ", ")): more than \
      \(Numbers.percent(GeneratorFigures.toleratedShare)) of what it sent left over \
      \(Int(GeneratorFigures.lateMs)) ms late. Latencies count from when a request was due and contain that; what the \
      programs could have done with a punctual crowd is not known.
      """
  }

  /// - Parameter count: how many requests it is a share of.
  private func text(_ spread: Spread?, _ name: String, of count: String?) -> String {
    guard let spread else { return "–" }
    let texts = [spread.median, spread.min, spread.max].map { MetricText.value($0, of: name) }
    let notes = [
      texts[1] == texts[2] ? nil : "\(texts[1])…\(texts[2])", ExperimentPage.rounds(spread, of: result),
    ].compactMap { $0 }
    let median = texts[0] + (count.map { " of \($0)" } ?? "")
    return notes.isEmpty ? median : "\(median) (\(notes.joined(separator: "; ")))"
  }

  /// How many requests a share is one of in a round; nil where a metric is no share of requests.
  static func count(of metric: String, _ variant: String, in result: ExperimentResult) -> String? {
    guard let count = Metric(described: metric)?.sharedCount,
      let spread = result.medians[variant]?[count.description]
    else { return nil }
    return Numbers.decimal(spread.median, digits: 0)
  }

  /// `1 of 3 rounds` where not every round has a value.
  static func rounds(_ spread: Spread, of result: ExperimentResult) -> String? {
    spread.count < result.rounds ? "\(spread.count) of \(result.rounds) rounds" : nil
  }

  /// `coupons.failed@during` as `coupons.failed during the fault`.
  static func label(_ metric: String) -> String {
    let parts = metric.split(separator: "@")
    return parts.count == 2 ? "`\(parts[0])` \(parts[1]) the fault" : "`\(metric)`"
  }

  private var expectations: String {
    let lines = result.judgements.map { judgement in
      let mark = ["holds": "✓", "fails": "✗"][judgement.verdict.rawValue] ?? "✗ never evaluated:"
      let values = [judgement.left, judgement.right].map { $0.map { Numbers.decimal($0, digits: 3) } ?? "–" }
      return "| \(mark) | `\(judgement.expectation)` | \(values[0]) | \(values[1]) | \(judgement.detail) |"
    }
    return (["## Expected", "", "| | expectation | left | right | |", "|---|---|---:|---:|---|"] + lines)
      .joined(separator: "\n")
  }

  private var checks: String {
    var lines = ["## Checked", ""]
    for variant in result.variants {
      let runs = result.runs.filter { $0.variant == variant.name }
      let broken = runs.flatMap(\.broken)
      let names = Set(broken.map(\.invariant)).sorted().joined(separator: ", ")
      let isAsExpected = runs.allSatisfy { $0.isVerified(except: variant.excused) }
      let verdict =
        broken.isEmpty
        ? "all invariants hold in \(runs.count) of \(runs.count) runs"
        : "\(isAsExpected ? "goes wrong, as expected" : "NOT VERIFIED"): \(names)"
      lines.append("- **\(variant.name)** (\(variant.architecture), `\(variant.strategy)`): \(verdict)")
      // An unexpected breach is the better example.
      if let example = broken.first(where: { !variant.excused.contains($0.invariant) }) ?? broken.first {
        lines.append("  - \(example.invariant): \(example.title): \(example.detail)")
      }
    }
    lines += ["", "What each invariant says, and what breaks it: [invariants](\(root)/docs/invariants.md)."]
    return lines.joined(separator: "\n")
  }

  private var provenance: String {
    let machine = result.machine
    let options = ((result.options ?? []) + ["--seed", result.seed]).joined(separator: " ")
    let versions = result.versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    return """
      ## Where these figures come from

      \(result.createdAt), commit `\(result.commit)`, \(machine.cores) cores of \(machine.processor), \
      \(Numbers.bytes(machine.memoryBytes)), \(machine.system), \(machine.swift); \(versions.joined(separator: ", ")). \
      Load generator and servers share the machine. Every figure of every round, and every setting, is in \
      [result.json](result.json). To repeat it: `lab run \(options) experiments/\(result.name)`.
      """
  }
}
