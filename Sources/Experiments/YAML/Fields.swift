package import Terminal

/// The keys of one map of a file, each taken out by whoever knows it; `finish()` complains of what is left.
///
/// Every error names the file, the line and the field's path: `scenario.yaml:12: faults[0].switch.kind: …`.
package struct Fields {
  private let source: Source
  private let path: String
  private var rest: [YAMLNode.Entry]
  package let line: Int

  /// Where values come from, for errors.
  package struct Source: Hashable, Sendable {
    package let file: String
    package init(file: String) { self.file = file }

    package func problem(_ line: Int, _ field: String, _ problem: String) -> UsageError {
      UsageError("\(file):\(line): \(field.isEmpty ? "" : field + ": ")\(problem)")
    }
  }

  /// - Throws: `UsageError` where the node is no map.
  package init(_ node: YAMLNode, _ source: Source, path: String = "") throws(UsageError) {
    (self.source, self.path, line) = (source, path, node.line)
    guard case .map(let entries) = node.content else {
      throw source.problem(node.line, path, "must be a map, not \(node.kind)")
    }
    rest = entries
  }

  package var isEmpty: Bool { rest.isEmpty }
  package var nextKey: String? { rest.first?.key }
  package func has(_ key: String) -> Bool { rest.contains { $0.key == key } }

  package func problem(_ key: String, _ problem: String, line: Int? = nil) -> UsageError {
    source.problem(line ?? rest.first { $0.key == key }?.line ?? self.line, place(key), problem)
  }

  /// Where a key stands, for whoever finds out later what is wrong with it. Before it is taken; without a key: all of it.
  package func location(_ key: String? = nil) -> FieldPlace {
    let line = key.flatMap { key in rest.first { $0.key == key }?.line } ?? line
    return FieldPlace(source: source, line: line, field: key.map(place) ?? path)
  }

  private func place(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  private mutating func take(_ key: String) -> YAMLNode? {
    guard let index = rest.firstIndex(where: { $0.key == key }) else { return nil }
    return rest.remove(at: index).value
  }

  /// - Throws: `UsageError` naming the first key that nobody asked for.
  package func finish() throws(UsageError) {
    guard let first = rest.first else { return }
    throw source.problem(first.line, place(first.key), "there is no such key here")
  }

  // MARK: - Values

  package mutating func text(_ key: String) throws(UsageError) -> String? {
    guard let node = take(key) else { return nil }
    guard case .scalar(let text, _) = node.content, !text.isEmpty else {
      throw problem(key, "must be text, not \(node.kind)", line: node.line)
    }
    return text
  }

  package mutating func choice(_ key: String, of values: [String]) throws(UsageError) -> String? {
    let line = rest.first { $0.key == key }?.value.line
    guard let text = try text(key) else { return nil }
    guard values.contains(text) else {
      throw problem(key, "must be one of \(values.joined(separator: ", ")), not “\(text)”", line: line)
    }
    return text
  }

  package mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
    guard let node = take(key) else { return nil }
    guard case .scalar(let text, true) = node.content, let number = Int(text), range.contains(number) else {
      throw problem(
        key, "must be a whole number in \(range.lowerBound)…\(range.upperBound), not \(node.kind)",
        line: node.line)
    }
    return number
  }

  package mutating func decimal(_ key: String, in range: ClosedRange<Double>) throws(UsageError) -> Double? {
    guard let node = take(key) else { return nil }
    guard case .scalar(let text, true) = node.content, let number = Double(text), number.isFinite,
      range.contains(number)
    else {
      throw problem(
        key, "must be a number in \(short(range.lowerBound))…\(short(range.upperBound)), not \(node.kind)",
        line: node.line)
    }
    return number
  }

  package mutating func flag(_ key: String) throws(UsageError) -> Bool? {
    try choice(key, of: ["true", "false"]).map { $0 == "true" }
  }

  /// The map under a key, as fields of their own.
  package mutating func map(_ key: String) throws(UsageError) -> Fields? {
    guard let node = take(key) else { return nil }
    return try Fields(node, source, path: place(key))
  }

  /// Each map of the list under a key.
  package mutating func maps(_ key: String) throws(UsageError) -> [Fields]? {
    guard let items = try list(key) else { return nil }
    var maps: [Fields] = []
    for (index, item) in items.enumerated() {
      maps.append(try Fields(item, source, path: "\(place(key))[\(index)]"))
    }
    return maps
  }

  /// Each text of the list under a key, with its line.
  package mutating func texts(_ key: String) throws(UsageError) -> [(text: String, line: Int)]? {
    guard let items = try list(key) else { return nil }
    var texts: [(String, Int)] = []
    for (index, item) in items.enumerated() {
      guard case .scalar(let text, _) = item.content, !text.isEmpty else {
        throw problem("\(key)[\(index)]", "must be text, not \(item.kind)", line: item.line)
      }
      texts.append((text, item.line))
    }
    return texts
  }

  /// Every key's place: a map whose keys are the writer's.
  package var locations: [String: FieldPlace] {
    Dictionary(uniqueKeysWithValues: rest.map { ($0.key, location($0.key)) })
  }

  /// Every key with its text: a map whose keys are the writer's.
  package mutating func allTexts() throws(UsageError) -> [String: String] {
    var texts: [String: String] = [:]
    for key in rest.map(\.key) { texts[key] = try text(key) }
    return texts
  }

  private mutating func list(_ key: String) throws(UsageError) -> [YAMLNode]? {
    guard let node = take(key) else { return nil }
    guard case .list(let items) = node.content else {
      throw problem(key, "must be a list, not \(node.kind)", line: node.line)
    }
    return items
  }

  private func short(_ number: Double) -> String {
    number == number.rounded() ? String(Int(number)) : String(number)
  }
}

/// A field of a file.
package struct FieldPlace: Hashable, Sendable {
  fileprivate let source: Fields.Source
  package let line: Int
  fileprivate let field: String

  package func problem(_ problem: String) -> UsageError { source.problem(line, field, problem) }
}
