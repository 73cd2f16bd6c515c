#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Reads settings from the environment and from flags of the same name. Each setting is parsed and recorded
/// when it is read: the same calls produce `--help`.
///
/// `HTTP_PORT=8081`, `--http-port 8081` and `--http-port=8081` are equivalent; a flag takes precedence. An
/// empty variable counts as not set. The first missing or invalid setting is thrown; `finish()` rejects flags
/// that no setting reads.
package struct SettingsReader {
  private let environment: [String: String]
  /// By key; nil if the flag has no value.
  private var flags: [String: String?] = [:]
  /// The settings read so far, in order.
  package private(set) var declarations: [SettingDeclaration] = []
  /// An error in the arguments themselves; the first read throws it.
  private var problem: SettingsError?
  /// Whether every required setting takes the value of its example.
  private let usesExamples: Bool

  package init(environment: [String: String], arguments: [String]) {
    (self.environment, usesExamples) = (environment, false)
    readFlags(arguments[...])
  }

  /// Reads nothing: each setting takes its default or its example, so that all of them are declared.
  init(declaring: Void) { (environment, usesExamples) = ([:], true) }

  private mutating func readFlags(_ arguments: ArraySlice<String>) {
    func reject(_ flag: String, _ rule: String) { problem = SettingsError(setting: flag, rule: rule) }
    var rest = arguments
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--"), argument.utf8.count > 2 else {
        return reject(argument, "is no setting; settings are written as --http-port 8081")
      }
      let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let key = SettingsReader.key(ofFlag: parts[0]) else {
        return reject("--\(parts[0])", "is no setting; settings are written as --http-port 8081")
      }
      guard flags[key] == nil else {
        return reject("--\(parts[0])", "is given twice")
      }
      if parts.count == 2 {
        flags[key] = .some(String(parts[1]))
      } else if let next = rest.first, !next.hasPrefix("--") {
        flags[key] = .some(rest.removeFirst())
      } else {
        flags[key] = .some(nil)
      }
    }
  }

  /// `http-port` names `HTTP_PORT`; nil for any other spelling.
  private static func key(ofFlag name: Substring) -> String? {
    guard name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }) else {
      return nil
    }
    return String(name.uppercased().map { $0 == "-" ? "_" : $0 })
  }

  /// Whether a setting was given, for a default that depends on another setting.
  package func isGiven(_ key: String) -> Bool {
    flags[key] != nil || !(environment[key] ?? "").isEmpty
  }

  /// - Throws: an error if a flag was given that no setting reads.
  package func finish() throws(SettingsError) {
    if let problem { throw problem }
    let known = Set(declarations.map(\.key))
    if let unknown = flags.keys.filter({ !known.contains($0) }).min() {
      throw SettingsError(
        setting: SettingDeclaration.flag(for: unknown), rule: "is no setting of this program")
    }
  }

  /// The text of a setting, or nil if it is not set.
  private mutating func take(_ declaration: SettingDeclaration) throws(SettingsError) -> String? {
    if let problem { throw problem }
    declarations.append(declaration)
    let key = declaration.key
    let text: String
    if let flag = flags[key] {
      guard let value = flag ?? (declaration.isSwitch ? "on" : nil) else {
        throw SettingsError(setting: key, rule: "needs a value")
      }
      text = value
    } else {
      guard let value = environment[key], !value.isEmpty else { return nil }
      text = value
    }
    if text.utf8.count > 4096 { throw SettingsError(setting: key, rule: "must be at most 4096 bytes long") }
    if text.utf8.contains(where: { $0 < 32 || $0 == 127 }) {
      throw SettingsError(setting: key, rule: "must not contain control characters")
    }
    return text
  }

  private func parse<Value>(
    _ key: String, _ text: String, _ parse: (String) throws -> Value
  ) throws(SettingsError) -> Value {
    do { return try parse(text) } catch { throw SettingsError(setting: key, rule: "\(error)") }
  }

  // MARK: Kinds of settings

  /// Text of at most 4,096 bytes that `parse` converts; the error it throws is the rule that the text breaks.
  package mutating func value<Value>(
    _ key: String, default standard: String, _ help: String, _ parse: (String) throws -> Value
  ) throws(SettingsError) -> Value {
    let text = try take(SettingDeclaration(key, type: "text", standard: standard, help: help))
    return try self.parse(key, text ?? standard, parse)
  }

  /// Required text: without it the program does not start.
  ///
  /// - Parameter example: a text that `parse` accepts.
  package mutating func required<Value>(
    _ key: String, example: String, _ help: String, secret: Bool = false, _ parse: (String) throws -> Value
  ) throws(SettingsError) -> Value {
    let text = try take(
      SettingDeclaration(key, type: secret ? "secret" : "text", standard: nil, required: true, help: help))
    guard let text = usesExamples ? example : text, !text.isEmpty else {
      throw SettingsError(setting: key, rule: "is required: \(help)")
    }
    return try self.parse(key, text, parse)
  }

  /// Nil if it is not set.
  package mutating func optional<Value>(
    _ key: String, _ help: String, secret: Bool = false, _ parse: (String) throws -> Value
  ) throws(SettingsError) -> Value? {
    let text = try take(
      SettingDeclaration(key, type: secret ? "secret" : "text", standard: nil, help: help))
    guard let text, !text.isEmpty else { return nil }
    return try self.parse(key, text, parse)
  }

  /// A file that can be read; a relative path is of the folder in which the program was started, and becomes absolute.
  package mutating func optionalFile(
    _ key: String, _ help: String
  ) throws(SettingsError) -> String? {
    try optional(key, help) { path in
      guard access(path, R_OK) == 0 else { throw BrokenRule("must name a file that can be read") }
      return absolutePath(path)
    }
  }

  /// Any text of at most 4,096 bytes.
  package mutating func text(
    _ key: String, default standard: String, _ help: String
  ) throws(SettingsError) -> String {
    try value(key, default: standard, help) { $0 }
  }

  /// A whole number; `--help` shows `unit` after the range.
  package mutating func integer(
    _ key: String, default standard: Int, in range: ClosedRange<Int>, unit: String = "", _ help: String
  ) throws(SettingsError) -> Int {
    let type = SettingsReader.range(range, unit)
    let text = try take(SettingDeclaration(key, type: type, standard: String(standard), help: help))
    guard let text else { return standard }
    return try SettingsReader.number(key, text, range, unit)
  }

  package mutating func optionalInteger(
    _ key: String, in range: ClosedRange<Int>, unit: String = "", _ help: String
  ) throws(SettingsError) -> Int? {
    let type = SettingsReader.range(range, unit)
    let text = try take(SettingDeclaration(key, type: type, standard: nil, help: help))
    guard let text, !text.isEmpty else { return nil }
    return try SettingsReader.number(key, text, range, unit)
  }

  private static func number(
    _ key: String, _ text: String, _ range: ClosedRange<Int>, _ unit: String
  ) throws(SettingsError) -> Int {
    if let value = Int(text), range.contains(value) { return value }
    throw SettingsError(
      setting: key, rule: "must be a number in \(self.range(range, unit)), not \(quoted(text))")
  }

  private static func range(_ range: ClosedRange<Int>, _ unit: String) -> String {
    "\(range.lowerBound)…\(range.upperBound)" + (unit.isEmpty ? "" : " \(unit)")
  }

  /// `on` or `off`; the flag alone means `on`.
  package mutating func toggle(
    _ key: String, default standard: Bool, _ help: String
  ) throws(SettingsError) -> Bool {
    let declaration = SettingDeclaration(
      key, type: "on|off", standard: standard ? "on" : "off", help: help)
    switch try take(declaration) {
    case nil: return standard
    case "on", "true", "1": return true
    case "off", "false", "0": return false
    case let text?:
      throw SettingsError(setting: key, rule: "must be on or off, not \(quoted(text))")
    }
  }

  /// One of a few named values, the first being the default.
  package mutating func choice<Value>(
    _ key: String, of choices: [(name: String, value: Value)], _ help: String
  ) throws(SettingsError) -> (name: String, value: Value) {
    let (names, standard) = (choices.map(\.name), choices[0])
    let text = try take(
      SettingDeclaration(key, type: names.joined(separator: "|"), standard: standard.name, help: help))
    guard let text else { return standard }
    guard let choice = choices.first(where: { $0.name == text }) else {
      throw SettingsError(
        setting: key, rule: "must be one of \(names.joined(separator: ", ")), not \(quoted(text))")
    }
    return choice
  }
}

/// A rule that the text of a setting breaks; its description completes a sentence that begins with the
/// setting's name.
package struct BrokenRule: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }

  /// Returns the value, or throws `rule` if it is nil.
  package static func unless<Value>(_ value: Value?, _ rule: String) throws(BrokenRule) -> Value {
    guard let value else { throw BrokenRule(rule) }
    return value
  }
}

/// A setting that is missing, unknown or invalid. Its description is one line and never holds the value of a
/// secret.
package struct SettingsError: Error, Hashable, CustomStringConvertible {
  package let setting: String
  package let rule: String

  package init(setting: String, rule: String) { (self.setting, self.rule) = (setting, rule) }

  package var description: String { "\(setting) \(rule)" }
}

/// The entry of a setting in `--help`.
package struct SettingDeclaration: Hashable, Sendable {
  package let key: String
  /// `text`, `secret`, `on|off`, names between bars, or a range with its unit.
  package let type: String
  /// Nil if it has none.
  package let standard: String?
  package let required: Bool
  package let help: String
  /// Whether the flag may be given without a value.
  var isSwitch: Bool { type == "on|off" }

  init(_ key: String, type: String, standard: String?, required: Bool = false, help: String) {
    (self.key, self.type, self.standard) = (key, type, standard)
    (self.required, self.help) = (required, help)
  }

  /// The lines of `--help`.
  var lines: [String] {
    let fallback = standard.map { $0.isEmpty ? "empty" : $0 } ?? (required ? "required" : "not set")
    return ["  \(key)  \(SettingDeclaration.flag(for: key))  (\(type); \(fallback))", "      \(help)"]
  }

  static func flag(for key: String) -> String {
    "--" + String(key.map { $0 == "_" ? "-" : Character($0.lowercased()) })
  }
}

/// A value as errors show it: short, on one line.
private func quoted(_ text: String) -> String {
  let shown = text.unicodeScalars.prefix(40).map {
    $0.properties.generalCategory == .control ? "?" : String($0)
  }
  return "\"" + shown.joined() + (text.unicodeScalars.count > 40 ? "…" : "") + "\""
}

private func absolutePath(_ path: String) -> String {
  guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
  defer { free(folder) }
  return String(cString: folder) + "/" + path
}
