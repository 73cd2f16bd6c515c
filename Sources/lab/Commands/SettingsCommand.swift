import CouponWorker
import CouponEDA
import CouponAdmission
import CouponMonolith
import Operations
import Terminal

extension LabCommand {
  static let settings = LabCommand(
    "settings", "every setting of the programs, with its type and its default",
    usage: "[--markdown]",
    options: [("--markdown", "as the page docs/settings.md")]
  ) { arguments, _ in
    let isMarkdown = arguments.flag("--markdown")
    try arguments.finish()
    let text = isMarkdown ? SettingsPage.markdown : SettingsPage.table.lines.joined(separator: "\n")
    Terminal.line(text)
    return 0
  }
}

/// The settings that the programs declare.
package enum SettingsPage {
  private static let programs: [(name: String, declarations: [SettingDeclaration])] = [
    ("monolith", MonolithSettings.declarations), ("eda api", APISettings.declarations),
    ("eda worker", WorkerSettings.declarations), ("eda broker", BrokerSettings.declarations),
  ]

  /// Keys of all the programs whose name begins so.
  static func keys(of program: String) -> Set<String> {
    Set(programs.filter { $0.name.hasPrefix(program) }.flatMap { $0.declarations.map(\.key) })
  }

  private static func standard(_ setting: SettingDeclaration) -> String {
    setting.standard.map { $0.isEmpty ? "empty" : $0 } ?? (setting.required ? "required" : "not set")
  }

  static var table: TextTable {
    var table = TextTable(head: ["setting", "default", "values"])
    for program in programs {
      table.rows.append([program.name])
      table.rows += program.declarations.map { ["  " + $0.key, standard($0), $0.type] }
    }
    return table
  }

  package static var markdown: String {
    let sections = programs.map { program in
      """
      ## \(program.name)

      | Setting | Values | Default | Meaning |
      |---|---|---|---|
      \(program.declarations.map(row).joined(separator: "\n"))

      """
    }
    return """
      # Settings

      Written by `lab settings --markdown` from what the programs declare. Each is a variable of the environment or a flag of
      the same name: `HTTP_PORT=8081`, `--http-port 8081`.

      \(sections.joined(separator: "\n"))
      """
  }

  private static func row(_ setting: SettingDeclaration) -> String {
    let cells = [
      "`\(setting.key)`", setting.type.replacing("|", with: ", "), standard(setting),
      setting.help.replacing("|", with: "\\|"),
    ]
    return "| " + cells.joined(separator: " | ") + " |"
  }
}
