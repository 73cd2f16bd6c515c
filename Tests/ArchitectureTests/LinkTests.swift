import Foundation
import TestSupport
import Testing

/// Links between the documents, and from them to the code.
@Suite(.limited) struct LinkTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The Markdown files of the project.
  private static func documents() throws -> [URL] {
    let files = FileManager.default
    var found = try files.contentsOfDirectory(at: root, includingPropertiesForKeys: nil)
    for folder in ["docs", "experiments", "ngrinder", "scripts"] {
      let walk = files.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil)
      while let file = walk?.nextObject() as? URL { found.append(file) }
    }
    return found.filter { $0.pathExtension == "md" }
  }

  @Test func everyLinkResolves() throws {
    let documents = try Self.documents()
    #expect(documents.count > 40)
    var links = 0
    for document in documents {
      let text = try String(contentsOf: document, encoding: .utf8).replacing(/```[\s\S]*?```/, with: "")
      for match in text.matches(of: /\]\(([^)\s]+)\)/) {
        let link = String(match.output.1)
        guard link.firstMatch(of: /^[a-z]+:/) == nil else { continue }
        links += 1
        let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(
          String.init)
        let target =
          parts[0].isEmpty
          ? document : document.deletingLastPathComponent().appending(path: parts[0]).standardizedFileURL
        let name = document.path().replacing(Self.root.path(), with: "")
        guard FileManager.default.fileExists(atPath: target.path(percentEncoded: false)) else {
          Issue.record("\(name): \(link) leads nowhere")
          continue
        }
        guard parts.count == 2, target.pathExtension == "md" else { continue }
        #expect(try Self.anchors(in: target).contains(parts[1]), "\(name): no heading for \(link)")
      }
    }
    #expect(links > 300)
  }

  /// The names that headings are linked by: lower case, without punctuation, dashes for spaces.
  private static func anchors(in document: URL) throws -> Set<String> {
    let text = try String(contentsOf: document, encoding: .utf8)
    let headings = text.matches(of: /(?m)^#+ (.*)$/).map { String($0.output.1) }
    return Set(
      headings.map { heading in
        String(
          heading.lowercased().filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" }
            .map { $0 == " " ? "-" : $0 })
      })
  }
}
