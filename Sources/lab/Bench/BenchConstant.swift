internal import EventLoop
internal import HTTP
import Terminal

extension LabCommand {
  /// The ceiling of `lab bench`: our HTTP server with nothing behind it, in a process of its own.
  static let benchConstant = LabCommand(
    "bench-constant", "answer every request with a constant (started by `lab bench`)"
  ) { arguments, _ in
    try arguments.finish()
    let answer = HTTPResponse.json(#"{"answer":"the same for everybody"}"#)
    let server = HTTPServer(configuration: HTTPServerConfiguration()) { _ in .now(answer) }
    let port = try server.start()
    Terminal.line("message=listening port=\(port)")
    let interrupt = Interrupt()
    let ended = Completion<Void>()
    interrupt.onCome { ended.succeed(()) }
    try await ended.value()
    await server.drain(deadline: .now + .seconds(1))
    return 0
  }
}
