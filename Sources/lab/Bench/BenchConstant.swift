internal import EventLoop
import Foundation
internal import HTTP
import Programs
import Terminal

extension LabCommand {
  /// The ceiling of `lab bench`: our HTTP server with nothing behind it, in a process of its own.
  static let benchConstant = LabCommand(
    "bench-constant", "answer every request with a constant (started by `lab bench`, which sets READY_FILE)"
  ) { arguments, _ in
    try arguments.finish()
    let ready = ProcessInfo.processInfo.environment["READY_FILE"]
    let answer = HTTPResponse.json(#"{"answer":"the same for everybody"}"#)
    _ = Platform.raiseDescriptorLimit()
    let server = HTTPServer(configuration: HTTPServerConfiguration()) { _ in .now(answer) }
    let port = try server.start()
    if let ready { try ReadyFile.write("lab bench-constant", ["httpPort": String(port)], to: ready) }
    let interrupt = Interrupt.shared
    let ended = Completion<Void>()
    interrupt.onCome { ended.succeed(()) }
    try await ended.value()
    await server.drain(deadline: .now + .seconds(1))
    return 0
  }
}
