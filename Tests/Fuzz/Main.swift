import EventLoop
import Foundation
import Fuzzing

/// `fuzz [--inputs N] [--target NAME] [--seed S] [--from NUMBER] [--corpus FOLDER]`: N inputs, shared out among the
/// targets, each a mutation of the corpus. Ends with 1 at the first input that breaks a property; a trap, a hang or a sanitizer's
/// complaint ends it with the input on standard error.
@main
enum Fuzz {
  static func main() {
    do { exit(try run(Array(CommandLine.arguments.dropFirst()))) } catch {
      FileHandle.standardError.write(Data("fuzz: \(error)\n".utf8))
      exit(1)
    }
  }

  private struct Options {
    var inputs = 200_000
    var seed: UInt64 = 1
    var from = 0
    var corpus = "Tests/Fuzzing/Corpus"
    var targets = FuzzTarget.all
  }

  private static func run(_ arguments: [String]) throws -> Int32 {
    let options = try Fuzz.options(arguments)
    let each = (options.inputs + options.targets.count - 1) / options.targets.count
    let start = Date()
    for target in options.targets {
      let run = try FuzzRun(target, corpus: options.corpus, seed: options.seed)
      let began = Date()
      CrashReport.begin(run)
      let result = try run.run(options.from..<options.from + each) { CrashReport.reading($0, $1) }
      CrashReport.end()
      let rate = Int(Double(result.inputs) / max(0.001, Date().timeIntervalSince(began)))
      print("\(target.name): \(result.inputs) inputs, \(result.taken) taken, \(rate) a second")
    }
    let seconds = Int(Date().timeIntervalSince(start))
    let total = each * options.targets.count
    let memory = ProcessUsage.residentBytes >> 20
    print("fuzz: \(total) inputs in \(seconds) s, seed \(options.seed), \(memory) MiB: nothing found")
    return 0
  }

  private static func options(_ arguments: [String]) throws -> Options {
    var options = Options()
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { throw BrokenProperty("\(name) needs a value") }
      switch (name, Int(value)) {
      case ("--inputs", let number?) where number > 0: options.inputs = number
      case ("--seed", let number?) where number >= 0: options.seed = UInt64(number)
      case ("--from", let number?) where number >= 0: options.from = number
      case ("--corpus", _): options.corpus = value
      case ("--target", _):
        options.targets = FuzzTarget.all.filter { $0.name == value }
        if options.targets.isEmpty {
          let names = FuzzTarget.all.map(\.name).joined(separator: ", ")
          throw BrokenProperty("there is no target \(value); there are \(names)")
        }
      default: throw BrokenProperty("\(name) \(value) is not understood")
      }
    }
    return options
  }
}
