package import Terminal

/// The keys of one map of a file. Each reader removes its own; `finish()` rejects the rest.
///
/// Every error names the file, the line and the field's path: `scenario.yaml:12: faults[0].switch.kind: …`.
struct Fields {
  private let file: String
  private let path: String
  private let line: Int
  private var rest: [YAMLNode.Entry]

  /// - Throws: `UsageError` where the node is no map.
  init(_ node: YAMLNode, file: String, path: String = "") throws(UsageError) {
    (self.file, self.path, line) = (file, path, node.line)
    guard case .map(let entries) = node.content else {
      throw FieldPlace(file: file, line: line, field: path).problem("must be a map, not \(node.kind)")
    }
    rest = entries
  }

  var nextKey: String? { rest.first?.key }
  func has(_ key: String) -> Bool { rest.contains { $0.key == key } }

  /// Where a key stands, before it is taken; without a key: all of it.
  func place(_ key: String? = nil, line: Int? = nil) -> FieldPlace {
    let found = rest.first { $0.key == key }?.line
    let field = key.map { path.isEmpty ? $0 : "\(path).\($0)" } ?? path
    return FieldPlace(file: file, line: line ?? found ?? self.line, field: field)
  }

  func problem(_ key: String, _ problem: String, line: Int? = nil) -> UsageError {
    place(key, line: line).problem(problem)
  }

  func missing(_ key: String, _ meaning: String = "") -> UsageError {
    problem(key, meaning.isEmpty ? "is missing" : "is missing: \(meaning)")
  }

  /// - Throws: `UsageError` naming the first key that nobody asked for.
  func finish() throws(UsageError) {
    if let key = nextKey { throw problem(key, "unknown key") }
  }

  // MARK: - Values

  /// The value of a key, taken out; nil where the key is absent.
  private mutating func value<Value>(
    _ key: String, _ rule: String, _ read: (YAMLNode) -> Value?
  ) throws(UsageError) -> Value? {
    guard let index = rest.firstIndex(where: { $0.key == key }) else { return nil }
    let node = rest.remove(at: index).value
    if let value = read(node) { return value }
    throw problem(key, "must be \(rule), not \(node.kind)", line: node.line)
  }

  mutating func text(_ key: String) throws(UsageError) -> String? { try value(key, "text", \.text) }

  mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, of: Choice.Type = Choice.self
  ) throws(UsageError) -> Choice? {
    let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    return try value(key, "one of \(names)") { $0.text.flatMap(Choice.init) }
  }

  mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
    try value(key, "a whole number in \(range.lowerBound)…\(range.upperBound)") { node in
      node.plain.flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil }
    }
  }

  mutating func decimal(_ key: String, in range: ClosedRange<Double>) throws(UsageError) -> Double? {
    func short(_ bound: Double) -> String { bound == bound.rounded() ? "\(Int(bound))" : "\(bound)" }
    return try value(key, "a number in \(short(range.lowerBound))…\(short(range.upperBound))") { node in
      node.plain.flatMap { Double($0) }.flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// The map under a key, as fields of their own.
  mutating func map(_ key: String) throws(UsageError) -> Fields? {
    let field = place(key).field
    guard let node = try value(key, "a map", { $0 }) else { return nil }
    return try Fields(node, file: file, path: field)
  }

  /// Each map of the list under a key.
  mutating func maps(_ key: String) throws(UsageError) -> [Fields]? {
    let field = place(key).field
    guard let items = try value(key, "a list", \.items) else { return nil }
    var maps: [Fields] = []
    for (index, item) in items.enumerated() {
      maps.append(try Fields(item, file: file, path: "\(field)[\(index)]"))
    }
    return maps
  }

  /// Each text of the list under a key, with its line.
  mutating func texts(_ key: String) throws(UsageError) -> [(text: String, line: Int)]? {
    guard let items = try value(key, "a list", \.items) else { return nil }
    var texts: [(String, Int)] = []
    for (index, item) in items.enumerated() {
      let text = try item.text.or(
        problem("\(key)[\(index)]", "must be text, not \(item.kind)", line: item.line))
      texts.append((text, item.line))
    }
    return texts
  }

  /// Every key with its text and its place: a map whose keys are the writer's.
  mutating func allTexts() throws(UsageError) -> [String: (text: String, place: FieldPlace)] {
    var texts: [String: (String, FieldPlace)] = [:]
    for key in rest.map(\.key) {
      let place = place(key)
      texts[key] = try text(key).map { ($0, place) }
    }
    return texts
  }
}

/// A field of a file, for what is wrong with it.
package struct FieldPlace: Hashable, Sendable {
  fileprivate let file: String
  let line: Int
  fileprivate let field: String

  package func problem(_ problem: String) -> UsageError {
    UsageError("\(file):\(line): \(field.isEmpty ? "" : field + ": ")\(problem)")
  }
}

extension Optional {
  /// - Throws: the error where there is no value.
  func or(_ error: @autoclosure () -> UsageError) throws(UsageError) -> Wrapped {
    guard let self else { throw error() }
    return self
  }
}
