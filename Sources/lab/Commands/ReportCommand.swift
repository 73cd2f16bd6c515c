import EventLoop

extension LabCommand {
  static let report = LabCommand(
    "report", "draw report.html anew from report.json, and show the table", usage: "[FOLDER]",
    options: [("FOLDER", "where report.json lies; .lab/report")]
  ) { arguments, folder in
    let files = ReportFiles(folder: arguments.positional() ?? folder.report)
    try arguments.finish()
    let report = try files.read()
    try files.draw(report)
    ReportFiles.show(report)
    Terminal.line(files.page)
    return 0
  }
}
