/// All settings of a program; `init` reads each of them in one place.
package protocol ProgramSettings: Sendable {
  init(_ reader: inout SettingsReader) throws(SettingsError)

  /// The lowest level that is logged.
  var logLevel: LogLevel { get }
}

extension ProgramSettings {
  package var logLevel: LogLevel { .info }

  /// - Throws: an error for the first setting that is missing, unknown or invalid.
  package static func read(
    environment: [String: String], arguments: [String]
  ) throws(SettingsError) -> Self {
    var reader = SettingsReader(environment: environment, arguments: arguments)
    let settings = try Self(&reader)
    try reader.finish()
    return settings
  }

  /// Every setting of the program, in the order of `--help`.
  package static var declarations: [SettingDeclaration] {
    var reader = SettingsReader(declaring: ())
    do { _ = try Self(&reader) } catch { preconditionFailure("a default or an example is refused: \(error)") }
    return reader.declarations
  }

  package static func help(program: String, summary: String) -> String {
    let lines = ["\(program): \(summary)", "", "Settings, each a variable of the environment or a flag:"]
    return (lines + declarations.flatMap(\.lines)).joined(separator: "\n") + "\n"
  }
}

/// The rule for `host:port`.
package func isHostAndPort(_ text: some StringProtocol) -> Bool {
  guard let colon = text.lastIndex(of: ":"), colon != text.startIndex else { return false }
  guard let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port) else { return false }
  return text[..<colon].utf8.allSatisfy { (33...126).contains($0) }
}

extension LogLevel {
  package init(_ reader: inout SettingsReader) throws(SettingsError) {
    let levels = [LogLevel.info] + LogLevel.allCases.filter { $0 != .info }
    self = try reader.choice(
      "LOG_LEVEL", of: levels.map { ($0.rawValue, $0) }, "Lowest level that is logged."
    ).value
  }
}
