/// A value of a YAML file, with the line on which it begins (from 1).
package struct YAMLNode: Hashable, Sendable {
  package enum Content: Hashable, Sendable {
    /// `isPlain`: written without quotes, so that it may be meant as a number.
    case scalar(String, isPlain: Bool)
    case list([YAMLNode])
    /// In the order of the file; no key comes twice.
    case map([Entry])
  }

  package struct Entry: Hashable, Sendable {
    package var key: String
    package var line: Int
    package var value: YAMLNode
  }

  package var content: Content
  package var line: Int

  package init(_ content: Content, line: Int) { (self.content, self.line) = (content, line) }

  /// What it is, for an error.
  package var kind: String {
    switch content {
    case .scalar(let text, _): text.isEmpty ? "nothing" : "“\(text.prefix(60))”"
    case .list: "a list"
    case .map: "a map"
    }
  }
}

/// What is wrong with a file, and where.
package struct YAMLProblem: Error, Hashable, Sendable, CustomStringConvertible {
  package let line: Int
  package let problem: String

  package init(line: Int, _ problem: String) { (self.line, self.problem) = (line, problem) }

  package var description: String { "line \(line): \(problem)" }
}
