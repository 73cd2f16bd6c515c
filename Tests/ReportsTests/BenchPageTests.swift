import Experiments
import Foundation
import Reports
import Scenarios
import Terminal
import TestSupport
import Testing

/// What the page of `lab bench` shows of its figures.
@Suite(.limited) struct BenchPageTests {
  private func result(_ skipped: [String] = []) throws -> BenchResult {
    let part = "accepted, 64 connections"
    let figures = [
      BenchFigure(.coupons, part, "constant <answer>", .rate, [3_000, 1_000, 2_000]),
      BenchFigure(.coupons, part, "eda", .rate, [1_500, 1_000, 1_200]),
      BenchFigure(.coupons, part, "eda", .cpu, [20]),
      BenchFigure(.drain, "rows", "eda worker", .rate, []),
    ]
    let ratios = [
      BenchRatio(.coupons, "within", [0.5, 1, 0.6], expected: .atLeast(0.6)),
      BenchRatio(.coupons, "beyond", [1.2], expected: .between(0.9, 1.1)),
    ]
    return BenchResult(
      createdAt: "2026-01-01T00:00:00Z", commit: "c",
      machine: Machine(processor: "p", cores: 2, memoryBytes: 1, system: "s", swift: "6"), versions: [:],
      options: [], isQuick: false, rounds: 3, seconds: 3, figures: figures.compactMap { $0 },
      ratios: ratios.compactMap { $0 }, skipped: skipped)
  }

  @Test func mediansStandWithTheirSpreadAndRatiosWithTheirVerdict() throws {
    let page = BenchPage(try result())
    let text = page.lines.joined(separator: "\n")
    #expect(text.contains("2,000 (1,000…3,000)") && text.contains("20.0"))
    #expect(text.contains("0.60 (0.50…1.00)") && text.contains("✓ at least 0.60"))
    #expect(text.contains("✗ 0.90 to 1.10"))
    #expect(!text.contains("rows"), "a figure without a round is none")
    #expect(page.html.contains("constant &lt;answer&gt;") && !page.html.contains("<answer>"))
    #expect(
      page.html.contains(#"<rect class="eda""#) && page.svg.contains("A request of the event-driven API"))
  }

  @Test func whatWasNotMeasuredIsNamed() throws {
    let page = BenchPage(try result(["drain: because"]))
    #expect(page.lines.last == "not measured: drain: because")
    #expect(page.html.contains("<li>drain: because</li>"))
  }

  @Test func anotherVersionOfTheFileIsRefused() throws {
    let path = NSTemporaryDirectory() + "bench-\(UInt64.random(in: 0 ... .max)).json"
    defer { try? FileManager.default.removeItem(atPath: path) }
    var made = try result()
    try WholeFile.write(json: made, to: path)
    #expect(try BenchResult.read(path) == made)
    made.formatVersion += 1
    try WholeFile.write(json: made, to: path)
    #expect(throws: LabFailure.self) { try BenchResult.read(path) }
  }
}
