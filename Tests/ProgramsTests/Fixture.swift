import EventLoop
import Operations
import Programs

/// What the tests of this module start programs with.
enum Fixture {
  static let token = "0123456789abcdef-token"

  static func quietContext() -> ProgramContext {
    ProgramContext(log: Log(program: "the test", level: .error, output: LogOutput()), metrics: Metrics())
  }
}
