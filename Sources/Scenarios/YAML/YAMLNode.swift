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
    var key: String
    var line: Int
    var value: YAMLNode
  }

  let content: Content
  let line: Int

  /// Of a scalar that is not empty.
  var text: String? {
    if case .scalar(let text, _) = content, !text.isEmpty { text } else { nil }
  }

  /// Of a scalar without quotes.
  var plain: String? { if case .scalar(let text, isPlain: true) = content { text } else { nil } }

  var items: [YAMLNode]? { if case .list(let items) = content { items } else { nil } }

  /// What it is, for an error.
  var kind: String {
    switch content {
    case .scalar(let text, _): text.isEmpty ? "nothing" : "“\(text.prefix(60))”"
    case .list: "a list"
    case .map: "a map"
    }
  }
}

/// What is wrong with a file, and where.
package struct YAMLProblem: Error, Hashable, Sendable {
  package let line: Int
  package let problem: String

  package init(line: Int, _ problem: String) { (self.line, self.problem) = (line, problem) }
}
