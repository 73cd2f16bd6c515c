import Figures
import Foundation
import History
import Reports
import Scenarios
import Terminal
import TestSupport
import Testing

/// What the README says of the demo is what the checked-in reports say.
@Suite(.limited) struct ReadmeTableTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path(percentEncoded: false)

  @Test(arguments: ReadmeTable.Language.allCases)
  func theReadmeSaysWhatTheReportsSay(language: ReadmeTable.Language) throws {
    let readme = try String(contentsOfFile: "\(ReadmeTableTests.root)/\(language.file)", encoding: .utf8)
    let table = try ReadmeTable.read(in: ReadmeTableTests.root)
    #expect(
      try table.text(readme, language) == readme,
      "lab report --readme writes what \(language.file) should say")
  }

  private func report(rounds: Int = 5, broker: String, slowness: Double = 1) throws -> Report {
    try SyntheticReport.report(
      ["monolith", "monolith + cache", "eda"].map { title in
        let run = try SyntheticReport.run(
          title == "eda" ? .eda : .monolith, people: 2_000, quota: 100,
          slowness: title == "eda" ? slowness : 1)
        return Report.Column(
          name: title, title: title, programSettings: [:], runs: Array(repeating: run, count: rounds))
      }, broker: broker)
  }

  @Test func figuresAreThoseOfTheReportsAndBothLanguagesHaveThem() throws {
    let (memory, kafka) = (try report(broker: "embedded"), try report(broker: "installed", slowness: 1.5))
    let table = try ReadmeTable(memory, kafka: kafka)
    for language in ReadmeTable.Language.allCases {
      let text = table.markdown(language)
      #expect(text.contains("| | monolith | monolith + cache | eda |") && !text.contains("~"))
      for (report, column) in [(memory, 0), (memory, 2), (kafka, 2)] {
        let p99 = try #require(report.columns[column].medians["winners.p99_ms"]?.median)
        #expect(text.contains(Numbers.decimal(p99, digits: p99 < 99.95 ? 1 : 0) + " ms"))
      }
      #expect(text.contains("`0123abc`") && text.contains(ReadmeTable.kafkaFile))
      #expect(text.contains("acks=all"))
    }
    // Whoever reads the table hears that it may not be true.
    let restless = try ReadmeTable(try report(broker: "embedded", slowness: 3), kafka: kafka)
    #expect(restless.markdown(.english).contains("**The machine was not quiet**"))
    #expect(restless.markdown(.english).contains("~") && restless.markdown(.korean).contains("~"))
  }

  @Test func aReportThatSaysTooLittleIsRefused() throws {
    let (memory, kafka) = (try report(broker: "embedded"), try report(broker: "installed"))
    func refusal(_ memory: Report, _ kafka: Report) -> String {
      #expect(throws: LabFailure.self) { try ReadmeTable(memory, kafka: kafka) }?.description ?? ""
    }
    #expect(refusal(try report(rounds: 4, broker: "embedded"), kafka).contains("is of 4 rounds"))
    #expect(refusal(memory, memory).contains("report-kafka.json was not made with the installed broker"))
    var other = memory
    other.commit += "+"
    #expect(refusal(other, kafka).contains("sources that no commit has (0123abc+)"))
    other = memory
    other.columns[1].runs[3].verified = false
    #expect(refusal(other, kafka).contains("not verified"))
    other = memory
    other.settings.people += 1
    #expect(refusal(other, kafka).contains("different loads"))
    other = memory
    other.columns.removeLast()
    #expect(refusal(other, kafka).contains("one architecture alone"))
  }

  @Test func aReadmeWithoutMarksIsLeftAlone() throws {
    let table = try ReadmeTable(try report(broker: "embedded"), kafka: try report(broker: "installed"))
    let error = #expect(throws: LabFailure.self) { try table.text("# TimeAttack\n", .english) }
    #expect(error?.description.contains("README.md has no place for the demo's figures") == true)
  }
}
