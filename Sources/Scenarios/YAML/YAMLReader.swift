internal import CYAML

/// Reads one YAML document into a tree. Strict: anchors, aliases, tags, several documents, keys that are no plain text
/// and keys that come twice are refused, and so is whatever is larger or deeper than a scenario can be.
///
///     libyaml's events ─▶ value ─┬─ scalar
///                                ├─ list ─▶ value …
///                                └─ map ─▶ key, value …
package struct YAMLReader: ~Copyable {
  package struct Limits: Sendable {
    package var bytes = 262_144
    package var depth = 12
    package var nodes = 10_000

    package init() {}
  }

  private var parser = yaml_parser_t()
  private let limits: Limits
  private var nodes = 0

  /// - Throws: `YAMLProblem`.
  package static func read(_ bytes: [UInt8], limits: Limits = Limits()) throws(YAMLProblem) -> YAMLNode {
    guard bytes.count <= limits.bytes else {
      throw YAMLProblem(line: 1, "larger than \(limits.bytes) bytes")
    }
    for mark in [[0xFF, 0xFE], [0xFE, 0xFF]] as [[UInt8]] where bytes.starts(with: mark) {
      throw YAMLProblem(line: 1, "is UTF-16; a scenario is UTF-8")
    }
    // Some editors write one before the text; libyaml takes it for text where it is told the encoding.
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let text = bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes[...]
    let result: Result<YAMLNode, YAMLProblem> = text.withUnsafeBufferPointer { input in
      var reader = YAMLReader(limits)
      yaml_parser_set_input_string(&reader.parser, input.baseAddress, input.count)
      yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING)
      do throws(YAMLProblem) { return .success(try reader.document()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  private init(_ limits: Limits) {
    self.limits = limits
    yaml_parser_initialize(&parser)
  }

  deinit {
    var parser = parser
    yaml_parser_delete(&parser)
  }

  // MARK: - Events

  private enum Event {
    case scalar(String, isPlain: Bool)
    case beginList, endList, beginMap, endMap
    case frame
    case endDocument, endStream
  }

  /// The next event with its line, as a value of ours: libyaml's memory is freed here.
  private mutating func next() throws(YAMLProblem) -> (event: Event, line: Int) {
    var raw = yaml_event_t()
    guard yaml_parser_parse(&parser, &raw) == 1 else {
      let said = parser.problem.map { String(cString: $0) } ?? "not YAML"
      throw YAMLProblem(line: Int(max(parser.problem_mark.line, parser.mark.line)) + 1, said)
    }
    defer { yaml_event_delete(&raw) }
    let line = Int(raw.start_mark.line) + 1
    switch raw.type {
    case YAML_SCALAR_EVENT:
      let scalar = raw.data.scalar
      try refuse(anchor: scalar.anchor, tag: scalar.tag, line)
      let text = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      return (.scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE), line)
    case YAML_SEQUENCE_START_EVENT:
      try refuse(anchor: raw.data.sequence_start.anchor, tag: raw.data.sequence_start.tag, line)
      return (.beginList, line)
    case YAML_MAPPING_START_EVENT:
      try refuse(anchor: raw.data.mapping_start.anchor, tag: raw.data.mapping_start.tag, line)
      return (.beginMap, line)
    case YAML_SEQUENCE_END_EVENT: return (.endList, line)
    case YAML_MAPPING_END_EVENT: return (.endMap, line)
    case YAML_ALIAS_EVENT: throw YAMLProblem(line: line, "aliases (*name) are not supported")
    case YAML_DOCUMENT_END_EVENT: return (.endDocument, line)
    case YAML_STREAM_END_EVENT: return (.endStream, line)
    default: return (.frame, line)
    }
  }

  private func refuse(
    anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?, _ line: Int
  ) throws(YAMLProblem) {
    guard anchor == nil else { throw YAMLProblem(line: line, "anchors (&name) are not supported") }
    guard tag == nil else { throw YAMLProblem(line: line, "tags (!name) are not supported") }
  }

  // MARK: - The tree

  private mutating func document() throws(YAMLProblem) -> YAMLNode {
    var (event, line) = try next()
    while case .frame = event { (event, line) = try next() }
    if case .endStream = event { throw YAMLProblem(line: 1, "the file is empty") }
    let node = try value(event, line, depth: 1)
    (event, line) = try next()
    guard case .endDocument = event else { throw YAMLProblem(line: line, "not one document") }
    (event, line) = try next()
    guard case .endStream = event else { throw YAMLProblem(line: line, "more than one document") }
    return node
  }

  private mutating func value(_ event: Event, _ line: Int, depth: Int) throws(YAMLProblem) -> YAMLNode {
    nodes += 1
    guard nodes <= limits.nodes else { throw YAMLProblem(line: line, "more than \(limits.nodes) values") }
    guard depth <= limits.depth else { throw YAMLProblem(line: line, "deeper than \(limits.depth) levels") }
    switch event {
    case .scalar(let text, let isPlain): return YAMLNode(content: .scalar(text, isPlain: isPlain), line: line)
    case .beginList:
      var items: [YAMLNode] = []
      while true {
        let (event, itemLine) = try next()
        if case .endList = event { return YAMLNode(content: .list(items), line: line) }
        items.append(try value(event, itemLine, depth: depth + 1))
      }
    case .beginMap: return YAMLNode(content: .map(try entries(depth: depth)), line: line)
    default: throw YAMLProblem(line: line, "a value is missing")
    }
  }

  private mutating func entries(depth: Int) throws(YAMLProblem) -> [YAMLNode.Entry] {
    var entries: [YAMLNode.Entry] = []
    while true {
      let (event, line) = try next()
      if case .endMap = event { return entries }
      guard case .scalar(let key, _) = event else {
        throw YAMLProblem(line: line, "a key must be plain text")
      }
      guard !entries.contains(where: { $0.key == key }) else {
        throw YAMLProblem(line: line, "“\(key.prefix(60))” is given twice")
      }
      let (first, valueLine) = try next()
      let value = try value(first, valueLine, depth: depth + 1)
      entries.append(YAMLNode.Entry(key: key, line: line, value: value))
    }
  }
}

extension YAMLReader {
  /// The version of libyaml, as `0.2.5`.
  package static var libraryVersion: String { String(cString: yaml_get_version_string()) }
}
