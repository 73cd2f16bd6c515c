import EventLoop
import Foundation
import Laboratory
import PrivateServers
import Terminal

extension LabCommand {
  /// `lab up --restart` starts one for each program.
  static let keep = LabCommand("keep", "start a program again whenever it ends by itself", usage: "PART") {
    arguments, folder in
    let name = arguments.positional()
    try arguments.finish()
    guard let part = name.flatMap({ LabPart(rawValue: $0) }), part.isProgram else {
      throw UsageError("which program it is for is missing")
    }
    return try await ProgramKeeper(
      part, in: folder, programs: ProgramCommand.folder, environment: ProcessInfo.processInfo.environment
    ).run()
  }
}
