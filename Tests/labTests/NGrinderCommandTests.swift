import EventLoop
import Foundation
import TestSupport
import Testing
import lab

/// `lab report --ngrinder` as a person runs it.
@Suite(.limited) struct NGrinderCommandTests {
  private static let csv = """
    DateTime,vuser,Tests,Errors,Mean_Test_Time_(ms),TPS
    2026-11-26 10:00:00,8,10,0,2,10
    2026-11-26 10:00:01,8,20,1,3,20

    """

  @Test func theCommandWritesThePageOrSaysInOneLineWhatIsMissing() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let folder = lab.folder + "-csv"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      func put(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        return "\(folder)/\(name)"
      }
      let good = try put("monolith.csv", Self.csv)
      let bad = try put("eda.csv", "DateTime,vuser\n")
      let done = try await lab.run("report", "--ngrinder", good, good, "--outage", "0-1")
      #expect(done.code == 0, "\(done.text)")
      #expect(done.text.contains("errors during the outage"))
      let page = try String(contentsOfFile: lab.folder + "/report/ngrinder.html", encoding: .utf8)
      #expect(page.contains("database outage"))
      let refused = try await lab.run("report", "--ngrinder", good, bad)
      #expect(refused.code == 1)
      #expect(
        refused.text.hasPrefix("lab: report: eda.csv is no per-second CSV of nGrinder"), "\(refused.text)")
      #expect(refused.text.split(separator: "\n").count == 1)
      #expect(try await lab.run("report", "--ngrinder", good).code == 2)
      #expect(try await lab.run("report", "--ngrinder", good, good, "--outage", "9-1").code == 2)
      #expect(try await lab.run("report", "--ngrinder", good, good, "--outage", "0-1e300").code == 2)
      let unwritable = try await lab.run("report", "--ngrinder", good, good, "--to", "/proc/x/page.html")
      #expect(
        unwritable.code == 1
          && unwritable.text.hasPrefix("lab: report: /proc/x/page.html cannot be written: "))
      #expect(try await lab.run("report", "--ngrinder", good, folder + "/none.csv").code == 1)
    }
  }
}
