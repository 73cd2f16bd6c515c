/// A chart beside a page, with what it is called there.
package struct Picture: Hashable, Sendable {
  /// A file name.
  package let name: String
  package let svg: String
  /// What it shows: only what is in it.
  package let caption: String

  /// For a page in its folder.
  var markdown: String { "![\(caption.alternative)](\(name))\n\n*\(caption)*" }
}

extension String {
  /// As the alternative text of a picture in Markdown.
  fileprivate var alternative: String { filter { !"[]*_`".contains($0) } }
}
