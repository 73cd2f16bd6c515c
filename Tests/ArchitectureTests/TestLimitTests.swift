import Foundation
import TestSupport
import Testing

@Suite(.limited) struct TestLimitTests {
  /// A test that waits for what does not come must fail, and not keep everybody waiting.
  @Test func everySuiteHasALimit() throws {
    let tests = ImportTests.root.appending(path: "Tests")
    let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)
    var suites = 0
    for case let file as URL in try #require(files) where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for suite in text.components(separatedBy: "\n@Suite").dropFirst() {
        suites += 1
        let traits = suite.components(separatedBy: "struct ")[0]
        #expect(
          traits.contains(".limited") || text.contains(".timeLimit"), "\(file.lastPathComponent): \(traits)")
      }
    }
    #expect(suites > 100)
  }
}
