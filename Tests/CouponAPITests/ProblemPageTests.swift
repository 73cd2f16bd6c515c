import CouponAPI
import Foundation
import HTTP
import TestSupport
import Testing

/// Every problem has its page, at the address that its `type` names, in the repository and in the program.
@Suite(.limited) struct ProblemPageTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs/problems").standardizedFileURL

  /// Those of the API, and those of the listener below it.
  private static let codes: Set<String> = Set(ProblemCode.allCases.map(\.rawValue)).union(
    HTTPRefusal.allCases.map(\.code))

  @Test func thePagesAreThoseOfTheProblems() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: ProblemPageTests.folder.path)
    let pages = Set(files.filter { $0 != "README.md" }.map { String($0.dropLast(3)) })
    #expect(files.allSatisfy { $0.hasSuffix(".md") })
    #expect(pages == ProblemPageTests.codes)
    let list = try String(
      contentsOf: ProblemPageTests.folder.appending(path: "README.md"), encoding: .utf8)
    for code in ProblemPageTests.codes { #expect(list.contains("(\(code).md)"), "\(code)") }
  }

  @Test func everyTypeNamesItsPage() async throws {
    try await withFixture { fixture in
      for code in ProblemPageTests.codes.sorted() {
        let file = try Data(contentsOf: ProblemPageTests.folder.appending(path: code + ".md"))
        let page = await fixture.call(.get, "/problems/\(code)")
        #expect(page.status == 200)
        #expect(page.contentType == "text/markdown; charset=utf-8")
        #expect(page.body == [UInt8](file), "\(code)")
        // A `type` is relative to the address that answered, and the one of a missing token leads here, too.
        let operated = await fixture.callAdmin(.get, "/problems/\(code)", token: nil)
        #expect(operated.status == 200 && operated.body == page.body)
        for heading in ["## What happened", "## What was and was not done", "## What to do"] {
          #expect(page.text.contains(heading), "\(code): \(heading)")
        }
        #expect(page.text.contains(code))
      }
    }
  }

  @Test(arguments: ["sold-out.md", "SOLD-OUT", "nothing-of-ours", "README", ".", "..", "sold%2Dout"])
  func otherPagesAreNotThere(name: String) async throws {
    try await withFixture { fixture in
      let answer = await fixture.call(.get, "/problems/\(name)")
      #expect(answer.status == 404)
      #expect(await fixture.callAdmin(.get, "/problems/\(name)", token: nil).status == 404)
      #expect(answer.json["code"] as? String == "not-found")
    }
  }

  @Test func aPageSaysTheTitleAndStatusThatTheProblemHas() async throws {
    try await withFixture { fixture in
      for code in ProblemCode.allCases {
        let page = await fixture.call(.get, "/problems/\(code.rawValue)").text
        #expect(page.contains(code.title), "\(code)")
        #expect(page.contains(String(code.status)), "\(code)")
      }
      for refusal in HTTPRefusal.allCases {
        let page = await fixture.call(.get, "/problems/\(refusal.code)").text
        #expect(page.contains("Status \(refusal.status), code `\(refusal.code)`"), "\(refusal)")
      }
      #expect(await fixture.callAdmin(.post, "/problems/sold-out", token: nil).status == 405)
      #expect(await fixture.call(.get, "/no/such/page").json["type"] as? String == "/problems/not-found")
    }
  }
}
