import EventLoop
import Foundation
import Laboratory
import Terminal

/// `lab`: finds the command and runs it on the loop. Exit codes: 0 done, 1 failed, 2 not understood, 130 interrupted, 141
/// the output was closed before its end (what a shell tells of a program that SIGPIPE has ended).
package enum LabProgram {
  package static func main(_ list: [String]) -> Int32 {
    var list = list
    do {
      let folder = LabFolder(path: try takeFolder(&list))
      guard let name = list.first, name != "--help", name != "-h", name != "help" else {
        Terminal.line(overview)
        return list.isEmpty ? 2 : 0
      }
      guard let command = (LabCommand.all + LabCommand.hidden).first(where: { $0.name == name }) else {
        throw UsageError("unknown command “\(name)”")
      }
      let arguments = Array(list.dropFirst())
      if arguments.contains("--help") || arguments.contains("-h") {
        Terminal.line(command.help)
        return 0
      }
      return EventLoop.shared.run { await run(command, CommandArguments(arguments), folder) }
    } catch {
      Terminal.error("\(error); see lab --help")
      return 2
    }
  }

  @LoopActor
  private static func run(_ command: LabCommand, _ arguments: CommandArguments, _ folder: LabFolder) async
    -> Int32
  {
    var arguments = arguments
    do {
      let code = try await command.run(&arguments, folder)
      return Terminal.readerIsGone ? 141 : code
    } catch let error as UsageError {
      Terminal.error("\(command.name): \(error); see lab \(command.name) --help")
      return 2
    } catch is Interrupted where Terminal.readerIsGone {
      return 141
    } catch is Interrupted {
      Terminal.error("\(command.name): interrupted")
      return 130
    } catch {
      Terminal.error("\(command.name): \(error)")
      return 1
    }
  }

  /// `--lab FOLDER` stands before the command.
  private static func takeFolder(_ list: inout [String]) throws(UsageError) -> String {
    guard let first = list.first, first == "--lab" || first.hasPrefix("--lab=") else { return ".lab" }
    var head = CommandArguments(Array(list.prefix(first == "--lab" ? 2 : 1)))
    list.removeFirst(min(list.count, first == "--lab" ? 2 : 1))
    let folder = try head.option("--lab") ?? ".lab"
    // Servers write their own files by lines.
    guard !folder.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw UsageError("--lab: a folder's name cannot contain a line end or another control character")
    }
    return folder
  }

  private static var overview: String {
    let commands = LabCommand.columns(LabCommand.all.map { ($0.name, $0.summary) })
    return
      ([
        "lab: load, break, measure and understand two architectures for first-come-first-served coupons", "",
        "usage: lab [--lab FOLDER] COMMAND [OPTIONS]     (FOLDER: where the laboratory lives; .lab)", "",
      ]
      + commands + ["", "lab COMMAND --help lists a command's options."]).joined(separator: "\n")
  }
}
