/// Reads settings from the environment and from flags of the same name, and remembers what it was asked for:
/// the same declarations make `--help`.
///
/// `HTTP_PORT=8081`, `--http-port 8081` and `--http-port=8081` say the same; a flag wins. An empty variable counts as
/// not set. Nothing throws until `finish()`, so that one pass declares every setting, also when one is wrong.
package struct SettingsReader {
  private let environment: [String: String]
  /// By key; nil where the flag came without a value.
  private var flags: [String: String?] = [:]
  private var declared: [SettingDeclaration] = []
  private var problem: SettingsError?

  package init(environment: [String: String], arguments: [String]) {
    self.environment = environment
    readFlags(arguments[...])
  }

  private mutating func readFlags(_ arguments: ArraySlice<String>) {
    var rest = arguments
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--"), argument.utf8.count > 2 else {
        reject(argument, "is no setting; settings are written as --http-port 8081")
        return
      }
      let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let key = SettingsReader.key(ofFlag: parts[0]) else {
        reject("--\(parts[0])", "is no setting; settings are written as --http-port 8081")
        return
      }
      guard flags[key] == nil else {
        reject("--\(parts[0])", "is given twice")
        return
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

  /// Whether a value is given for a setting; for what a default depends on another setting.
  package func isGiven(_ key: String) -> Bool {
    flags[key] != nil || !(environment[key] ?? "").isEmpty
  }

  /// Records that a setting cannot be used; the first problem is the one that `finish()` throws.
  package mutating func reject(_ key: String, _ rule: String) {
    if problem == nil { problem = SettingsError(setting: key, rule: rule) }
  }

  /// - Throws: the first problem: a missing or absurd setting, or a flag that nothing asked for.
  package func finish() throws(SettingsError) {
    if let problem { throw problem }
    let known = Set(declared.map(\.key))
    if let unknown = flags.keys.filter({ !known.contains($0) }).min() {
      throw SettingsError(
        setting: SettingDeclaration.flag(for: unknown), rule: "is no setting of this program")
    }
  }

  /// The text of a setting, or nil where it is not set.
  private mutating func take(_ declaration: SettingDeclaration) -> String? {
    declared.append(declaration)
    if let flag = flags[declaration.key] {
      guard let value = flag else {
        if declaration.isSwitch { return "on" }
        reject(declaration.key, "needs a value")
        return nil
      }
      return value
    }
    guard let value = environment[declaration.key], !value.isEmpty else { return nil }
    return value
  }

  // MARK: What a setting can be

  /// Any text of at most 4,096 bytes.
  package mutating func text(_ key: String, default standard: String, _ help: String) -> String {
    checked(
      key, take(SettingDeclaration(key, type: "text", standard: standard, help: help)) ?? standard,
      secret: false)
  }

  /// Text that has no default: absent, the program does not start.
  package mutating func requiredText(_ key: String, _ help: String, secret: Bool = false) -> String {
    let declaration = SettingDeclaration(
      key, type: secret ? "secret" : "text", standard: nil, required: true, help: help)
    guard let value = take(declaration), !value.isEmpty else {
      reject(key, "is required: \(help)")
      return ""
    }
    return checked(key, value, secret: secret)
  }

  package mutating func optionalText(_ key: String, _ help: String, secret: Bool = false) -> String? {
    let declaration = SettingDeclaration(key, type: secret ? "secret" : "text", standard: nil, help: help)
    guard let value = take(declaration), !value.isEmpty else { return nil }
    return checked(key, value, secret: secret)
  }

  private mutating func checked(_ key: String, _ value: String, secret: Bool) -> String {
    if value.utf8.count > 4096 { reject(key, "must be at most 4096 bytes long") }
    if value.utf8.contains(where: { $0 < 32 || $0 == 127 }) {
      reject(key, "must not contain control characters")
    }
    return value
  }

  /// A whole number; `unit` is written behind the range in `--help`.
  package mutating func integer(
    _ key: String, default standard: Int, in range: ClosedRange<Int>, unit: String = "", _ help: String
  ) -> Int {
    let declaration = SettingDeclaration(
      key, type: SettingsReader.range(range, unit), standard: String(standard), help: help)
    guard let text = take(declaration) else { return standard }
    return number(key, text, range, unit) ?? standard
  }

  package mutating func optionalInteger(
    _ key: String, in range: ClosedRange<Int>, unit: String = "", _ help: String
  ) -> Int? {
    let declaration = SettingDeclaration(
      key, type: SettingsReader.range(range, unit), standard: nil, help: help)
    guard let text = take(declaration), !text.isEmpty else { return nil }
    return number(key, text, range, unit)
  }

  private mutating func number(_ key: String, _ text: String, _ range: ClosedRange<Int>, _ unit: String)
    -> Int?
  {
    if let value = Int(text), range.contains(value) { return value }
    reject(key, "must be a number in \(SettingsReader.range(range, unit)), not \(quoted(text))")
    return nil
  }

  private static func range(_ range: ClosedRange<Int>, _ unit: String) -> String {
    "\(range.lowerBound)…\(range.upperBound)" + (unit.isEmpty ? "" : " \(unit)")
  }

  /// `on` or `off`; the flag alone means `on`.
  package mutating func toggle(_ key: String, default standard: Bool, _ help: String) -> Bool {
    let declaration = SettingDeclaration(
      key, type: "on|off", standard: standard ? "on" : "off", isSwitch: true, help: help)
    switch take(declaration) {
    case nil: return standard
    case "on", "true", "1": return true
    case "off", "false", "0": return false
    case let text?:
      reject(key, "must be on or off, not \(quoted(text))")
      return standard
    }
  }

  /// One of a few names, the first being the default.
  package mutating func choice(_ key: String, of names: [String], _ help: String) -> String {
    let standard = names.first ?? ""
    let declaration = SettingDeclaration(
      key, type: names.joined(separator: "|"), standard: standard, help: help)
    guard let text = take(declaration) else { return standard }
    guard names.contains(text) else {
      reject(key, "must be one of \(names.joined(separator: ", ")), not \(quoted(text))")
      return standard
    }
    return text
  }

  /// The text of `--help`: a line a setting, in the order in which they were declared.
  package func help(program: String, summary: String) -> String {
    var lines = ["\(program): \(summary)", "", "Settings, each a variable of the environment or a flag:"]
    for setting in declared {
      let fallback =
        setting.standard.map { $0.isEmpty ? "empty" : $0 } ?? (setting.required ? "required" : "not set")
      lines.append(
        "  \(setting.key)  \(SettingDeclaration.flag(for: setting.key))  (\(setting.type); \(fallback))")
      lines.append("      \(setting.help)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// A setting that is missing, unknown or absurd. One line; it never holds the value of a secret.
package struct SettingsError: Error, Hashable, CustomStringConvertible {
  package let setting: String
  package let rule: String

  package init(setting: String, rule: String) { (self.setting, self.rule) = (setting, rule) }

  package var description: String { "\(setting) \(rule)" }
}

/// What `--help` says of one setting.
private struct SettingDeclaration {
  let key: String
  let type: String
  let standard: String?
  let required: Bool
  let isSwitch: Bool
  let help: String

  init(
    _ key: String, type: String, standard: String?, required: Bool = false, isSwitch: Bool = false,
    help: String
  ) {
    (self.key, self.type, self.standard) = (key, type, standard)
    (self.required, self.isSwitch, self.help) = (required, isSwitch, help)
  }

  static func flag(for key: String) -> String {
    "--" + String(key.map { $0 == "_" ? "-" : Character($0.lowercased()) })
  }
}

/// A value as an error may show it: short, on one line.
private func quoted(_ text: String) -> String {
  let shown = text.unicodeScalars.prefix(40).map {
    $0.properties.generalCategory == .control ? "?" : String($0)
  }
  return "\"" + shown.joined() + (text.unicodeScalars.count > 40 ? "…" : "") + "\""
}
