import Foundation
import TestSupport
import Testing

/// What the documents say: the same in both languages, with figures that their results have.
@Suite(.limited) struct DocumentTests {
  /// A Markdown file, taken apart.
  struct Document {
    let name: String
    /// The lines of its `sh` blocks, without their comments.
    let commands: [String]
    /// What `scripts/figures` fills in and what it checks.
    let figures: [String]
    /// Words in backquotes outside of the blocks; `.ko.md` counts as `.md`.
    let names: Set<String>
    /// Numbers of two digits and more in the prose.
    let numbers: Set<String>
    /// Everything but the blocks.
    let prose: String

    /// - Parameter name: its path in the project.
    init(_ name: String) throws {
      self.name = name
      let text = try String(contentsOf: DocumentTests.root.appending(path: name), encoding: .utf8)
        .replacing(/<!-- demo -->[\s\S]*?<!-- \/demo -->/, with: "")
      commands = text.matches(of: /```sh\n([\s\S]*?)```/).flatMap { block in
        block.output.1.split(separator: "\n").map { line in
          line.replacing(/\s+#\s.*$/, with: "").trimmingCharacters(in: .whitespaces)
        }
      }
      prose = text.replacing(/```[\s\S]*?```/, with: "")
      figures = prose.matches(of: /<!--([=?] [\s\S]*?) -->/)
        .map { $0.output.1.split(whereSeparator: \.isWhitespace).joined(separator: " ") }.sorted()
      let written = prose.replacing(/<!--=[\s\S]*?<!--\/-->/, with: "").replacing(/<!--[\s\S]*?-->/, with: "")
        .replacing(/\]\([^)]*\)/, with: "]")
      names = Set(
        written.matches(of: /`([^`\n]+)`/).map { String($0.output.1).replacing(".ko.md", with: ".md") })
      numbers = Set(
        written.replacing(/`[^`\n]+`/, with: "").matches(of: /(?:^|[^\w.])([0-9][0-9,.]*[0-9])/)
          .map { String($0.output.1) })
    }

    /// The second-level heading's text, up to the next one.
    func section(_ heading: Regex<Substring>) -> Substring? {
      guard let begin = prose.firstRange(of: heading)?.upperBound else { return nil }
      let rest = prose[begin...]
      return rest[..<(rest.firstRange(of: #/\n## /#)?.lowerBound ?? rest.endIndex)]
    }
  }

  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Their paths in the project.
  private static func documents() throws -> [String] {
    let files = FileManager.default
    let top = try files.contentsOfDirectory(atPath: root.path)
    let below = ["docs", "experiments", "ngrinder"].flatMap { folder in
      files.subpaths(atPath: root.appending(path: folder).path)?.map { "\(folder)/\($0)" } ?? []
    }
    return (top + below).filter { $0.hasSuffix(".md") }.sorted()
  }

  /// Those of which the Korean page is a shorter one, and says so.
  private static let summaries: Set = ["docs/security.ko.md"]

  /// Numbers that English writes as words.
  private static let words = [
    "10": "ten|decimal", "11": "eleven", "20": "twentieth", "16": "sixteen|hex", "1,000": "thousand",
    "0.5": "half",
    "0.3": "third",
  ]

  @Test func bothLanguagesHaveTheSameCommandsAndFigures() throws {
    let korean = try Self.documents().filter { $0.hasSuffix(".ko.md") }
    #expect(korean.count > 15)
    for name in korean {
      let (one, other) = (try Document(name.replacing(".ko.md", with: ".md")), try Document(name))
      #expect(one.commands == other.commands, "\(name)")
      #expect(one.figures == other.figures, "\(name)")
      guard !Self.summaries.contains(name) else { continue }
      // Placeholders in angle words or Korean letters are translated.
      let (names, others) = (one.names, other.names.filter { $0.allSatisfy { $0.isASCII || $0 == "…" } })
      #expect(others.subtracting(names).isEmpty, "\(name)")
      let left = names.subtracting(other.names).filter { name in
        !other.names.contains { !$0.allSatisfy(\.isASCII) && $0.hasPrefix(name.prefix(4)) }
      }
      #expect(left.isEmpty, "\(name)")
      #expect(one.numbers.subtracting(other.numbers).isEmpty, "\(name)")
      for number in other.numbers.subtracting(one.numbers) {
        let words = Self.words[number, default: ""].split(separator: "|")
        let isWord = words.contains { one.prose.lowercased().contains($0) }
        #expect(isWord, "\(name): \(number)")
      }
    }
  }

  @Test func eachInvariantThatIsNamedIsLinked() throws {
    for name in try Self.documents() where !name.hasPrefix("docs/invariants") {
      let text = try Document(name).prose
      guard text.firstMatch(of: /\bI(1[0-7]|[1-9])\b/) != nil else { continue }
      #expect(text.contains(/\]\([^)]*invariants(\.ko)?\.md[^)]*\)/), "\(name) names one, and links to none")
    }
  }

  @Test func eachPredictionHasItsAnswer() throws {
    var predictions = 0
    for name in try Self.documents() where name.hasPrefix("experiments/") {
      let document = try Document(name)
      guard let asked = document.section(#/## (?:Predict first|먼저 예측해 보기)\n/#) else { continue }
      let result = document.section(#/## (?:The result|결과)\n/#) ?? ""
      let folded = result.firstMatch(of: /<details>\n<summary>[\s\S]*?<\/summary>\n\n([\s\S]*?)\n<\/details>/)
      let questions = Self.items(asked)
      #expect(Self.items(folded?.output.1 ?? "") == questions, "\(name)")
      predictions += questions.count
    }
    #expect(predictions > 60)
  }

  /// The numbers of a numbered list.
  private static func items(_ text: Substring) -> [String] {
    text.matches(of: #/(?m)^([0-9]+)\. /#).map { String($0.output.1) }
  }

  /// A coupon is issued and used up; it is nothing that somebody sells.
  @Test func koreanSpeaksTheFieldsWords() throws {
    for name in try Self.documents() where name.hasSuffix(".ko.md") {
      let found = try Document(name).prose.matches(of: /매진|팔다|팔고|팔 수|판매/).map { String($0.output) }
      #expect(found.isEmpty, "\(name)")
    }
  }

  private static let python = ["/usr/bin/python3", "/usr/local/bin/python3", "/opt/homebrew/bin/python3"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  @Test(.enabled(if: DocumentTests.python != nil, "python3 is not there")) func figuresFollowTheirResults()
    throws
  {
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(filePath: Self.python ?? "")
    process.arguments = [Self.root.appending(path: "scripts/figures").path, "--check"]
    process.standardError = output
    process.standardOutput = output
    try process.run()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(said)")
    #expect(said.contains(/[0-9]{3,} figures and claims/))
  }

  @Test func theREADMEsMakeTargetsExist() throws {
    let makefile = try String(contentsOf: Self.root.appending(path: "Makefile"), encoding: .utf8)
    var targets = 0
    let pages = try Self.documents().filter { $0 == "README.md" || $0.hasPrefix("experiments/") }
    for name in pages {
      for command in try Document(name).commands where command.hasPrefix("make") {
        let words = command.prefix { $0 != "&" && $0 != ";" }.split(separator: " ").dropFirst()
        for word in words {
          targets += 1
          let variable = word.split(separator: "=", maxSplits: 1)
          let text = variable.count == 2 ? "$(\(variable[0]))" : "\n\(word):"
          #expect(makefile.contains(text), "\(name): \(command)")
        }
      }
    }
    #expect(targets >= 3)
  }
}
