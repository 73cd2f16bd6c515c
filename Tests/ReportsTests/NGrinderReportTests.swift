import Foundation
import Reports
import Terminal
import TestSupport
import Testing

/// nGrinder's per-second CSV: what is read from it, and what is refused.
@Suite(.limited) struct NGrinderReportTests {
  private static let totals =
    "DateTime,vuser,Tests,Errors,Mean_Test_Time_(ms),Test_Time_Standard_Deviation_(ms),TPS,Mean_response_length,"
    + "Response_bytes_per_second,Response_errors,Mean_time_to_resolve_host,Mean_time_to_establish_connection,"
    + "Mean_time_to_first_byte"

  /// As a controller writes it: a head, and a line a second with the totals.
  private static func plain(_ rows: [(tests: Int, errors: Int, mean: Double)]) -> String {
    ([totals]
      + rows.enumerated().map { second, row in
        "2026-11-26 10:00:\(String(second).count < 2 ? "0" : "")\(second),8,\(row.tests),\(row.errors),\(row.mean),1.5,"
          + "\(row.tests),180.2,1000,0,0,0.1,2"
      }).joined(separator: "\n") + "\n"
  }

  /// The same of a script with several tests: a description and eleven figures for each, behind the totals.
  private static func ofSeveral(separator: String = ",", decimal: String = ".") -> String {
    let names = ["won (201)", "sold out (409)", "outage on", "outage off"]
    let perTest = totals.split(separator: ",").dropFirst(2)
    let head =
      [totals]
      + (1...names.count).map { index in
        "Description," + perTest.map { "\($0)-\(index)" }.joined(separator: ",")
      }
    func figures(_ tests: Int, _ errors: Int, _ mean: Double) -> String {
      "\(tests),\(errors),\(mean),0,\(tests),0,0,0,0,0,0"
    }
    var lines = [head.joined(separator: ",")]
    for second in 0..<10 {
      let failing = (4..<7).contains(second)
      let won = second < 2 ? 50 : 0
      let soldOut = failing ? 0 : 100
      let parts = [
        figures(won, 0, 20.5), figures(soldOut, failing ? 30 : 0, 4), figures(second == 4 ? 1 : 0, 0, 3),
        figures(second == 7 ? 1 : 0, 0, 3),
      ]
      let mean = won + soldOut == 0 ? 0 : (Double(won) * 20.5 + Double(soldOut) * 4) / Double(won + soldOut)
      let line =
        "2026-11-26 23:59:5\(second),8," + figures(won + soldOut, failing ? 30 : 0, mean) + ","
        + zip(names, parts).map { "\($0),\($1)" }.joined(separator: ",")
      lines.append(line)
    }
    let text = lines.joined(separator: "\r\n")
    return separator == ","
      ? text : text.replacing(",", with: separator).replacing(".", with: decimal)
  }

  @Test func theTotalsOfATestAreRead() throws {
    let csv = try NGrinderCSV(Self.plain([(10, 0, 2), (0, 3, 0), (30, 1, 4)]), name: "a.csv")
    #expect(csv.samples.map(\.second) == [0, 1, 2])
    #expect(csv.samples.map(\.tps) == [10, 0, 30] && csv.samples.map(\.errors) == [0, 3, 1])
    #expect(csv.samples.map(\.meanMs) == [2, nil, 4])
    #expect(csv.samples.allSatisfy { $0.vusers == 8 })
    #expect(csv.parts.isEmpty && csv.outage == nil)
  }

  @Test(arguments: [(",", "."), (";", ","), ("\t", ".")])
  func theTestsOfAScriptAreRead(separator: String, decimal: String) throws {
    let csv = try NGrinderCSV(Self.ofSeveral(separator: separator, decimal: decimal), name: "a.csv")
    #expect(csv.parts.map(\.name) == ["won (201)", "sold out (409)", "outage on", "outage off"])
    #expect(csv.parts.map(\.tests) == [100, 700, 1, 1])
    #expect(csv.parts.map(\.errors) == [0, 90, 0, 0])
    #expect(csv.parts[0].meanMs == 20.5)
    #expect(csv.outage == 4...7)
    // A test that goes on over midnight.
    #expect(csv.samples.last?.second == 9)
  }

  @Test(arguments: [
    ("", "is empty, and no per-second CSV of nGrinder"),
    ("person,status,couponId\nx,201,\n", "its first line has no DateTime, no vuser, no Tests"),
    (totals + "\n", "has a head and no line of figures"),
    (totals.replacing(",TPS", with: "") + "\n", "its first line has no TPS"),
    (totals + "\nyesterday,1,1,0,1,1,1,1,1,0,0,0,0\n", "line 2: the time is not written as"),
    (totals + "\n2026-11-26 10:00:00,1,many,0,1,1,1,1,1,0,0,0,0\n", "line 2: Tests is “many”, no number"),
    (totals + "\n2026-11-26 10:00:00,1,1\n", "line 2 has no Errors"),
    (totals + "\n2026-11-26 10:00:00,1,1e30,0,1,1,1,1,1,0,0,0,0\n", "line 2: Tests is “1e30”, no number"),
    (totals + "\n2026-11-26 10:00:00,1,1,0,1,5,1,5,1,1,0,0,0,0\n", "line 2 has 14 fields"),
    (
      totals + "\n2026-11-26 10:00:01,1,1,0,1,1,1,1,1,0,0,0,0\n2026-11-26 10:00:00,1,1,0,1,1,1,1,1,0,0,0,0\n",
      "line 3: the time is before"
    ),
  ])
  func whatIsNoSuchFileIsRefusedInOneLine(text: String, problem: String) {
    let error = #expect(throws: LabFailure.self) { try NGrinderCSV(text, name: "x.csv") }
    #expect(error?.description.hasPrefix("x.csv") == true)
    #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("\n") == false)
  }

  /// With a sampling interval of three seconds a line has the errors of three.
  @Test func errorsAreShownASecond() throws {
    let line = { (second: Int, errors: Int) in "2026-11-26 10:00:0\(second),8,30,\(errors),2,1,10,1,1,0,0,0,0"
    }
    let text = ([Self.totals] + [line(0, 3), line(3, 6), line(6, 9)]).joined(separator: "\n")
    let csv = try NGrinderCSV(text, name: "a.csv")
    #expect(csv.samples.map { $0.errors / $0.seconds } == [1, 2, 3])
    #expect(csv.samples.map(\.second) == [0, 3, 6])
  }

  @Test func bothStandSideBySideOnOnePage() throws {
    let monolith = try NGrinderCSV(Self.ofSeveral(), name: "monolith.csv")
    let eda = try NGrinderCSV(Self.plain(Array(repeating: (200, 0, 3), count: 10)), name: "<eda>.csv")
    let page = NGrinderPage(NGrinderReport(monolith: monolith, eda: eda)).html
    #expect(page.components(separatedBy: "<svg").count == 5)
    // The outage of the one that has switched, on each chart.
    #expect(page.components(separatedBy: #"class="shade""#).count == 5)
    #expect(page.components(separatedBy: "database outage (monolith), ").count == 5)
    for title in ["TPS", "Mean time", "Errors", "Vusers"] { #expect(page.contains("<h2>\(title)</h2>")) }
    #expect(page.contains("sold out (409)") && page.contains("&lt;eda&gt;.csv"))
    let lines = NGrinderReport(monolith: monolith, eda: eda, outage: 4...6).table.text.lines.joined(
      separator: "\n")
    for text in ["good calls", "errors during the outage", "800", "2,000", "90"] {
      #expect(lines.contains(text), "\(text)")
    }
  }
}
