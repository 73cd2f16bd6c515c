package import EventLoop
internal import Foundation

/// A private server: the real program, on the loopback, on a port chosen by the system.
@LoopActor
package protocol PrivateServer: AnyObject {
  /// The server's first process; nil before the start and after the end.
  var process: RunningProcess? { get set }
  /// Called with true for every process that starts, and with false for one that is ended here.
  var onProcess: @LoopActor (RunningProcess, Bool) -> Void { get }
}

extension PrivateServer {
  package var pid: Int32 { process?.pid ?? 0 }
  package var isRunning: Bool { process?.isRunning ?? false }

  /// Sends SIGKILL to the whole server, like a crash or a power failure; returns when it is gone.
  package func kill() async {
    guard let process else { return }
    process.signalTree(SIGKILL)
    _ = await process.hasEnded(within: .seconds(10))
    ended()
  }

  /// Sends SIGSTOP to the whole server: it keeps its connections and answers nothing.
  package func pause() { process?.signalTree(SIGSTOP) }

  /// Sends SIGCONT to the whole server.
  package func resume() { process?.signalTree(SIGCONT) }

  func end(_ steps: [(signal: Int32, patience: Duration)]) async {
    guard let process else { return }
    await process.end(steps)
    ended()
  }

  func began(_ process: RunningProcess) {
    self.process = process
    onProcess(process, true)
  }

  func ended() {
    guard let process else { return }
    self.process = nil
    onProcess(process, false)
  }
}

extension RunningProcess {
  /// Waits for the end; false if `limit` passes first. The process need not be a child of this one.
  @LoopActor
  package func hasEnded(within limit: Duration) async -> Bool {
    let deadline = Instant.now + limit
    while isRunning {
      guard Instant.now < deadline else { return false }
      await EventLoop.shared.sleep(for: .milliseconds(10))
    }
    // A parent that never collects its children must not block this call.
    let patience = Instant.now + .milliseconds(500)
    while isUncollected, Instant.now < patience { await EventLoop.shared.sleep(for: .milliseconds(2)) }
    return true
  }

  /// It has ended, but its parent has not collected it: its number is still in use, which keeps PostgreSQL
  /// from starting again on the same data.
  private var isUncollected: Bool { ProcessTable.isUncollected(pid) }

  /// Sends one signal after the other, each with a time limit, and finally SIGKILL to the process and its
  /// descendants.
  @LoopActor
  package func end(_ steps: [(signal: Int32, patience: Duration)]) async {
    signalTree(SIGCONT)
    for step in steps {
      signal(step.signal)
      if await hasEnded(within: step.patience) { return }
    }
    signalTree(SIGKILL)
    _ = await hasEnded(within: .seconds(10))
  }
}

/// Starts a program and waits until it serves.
enum Launch {
  /// The program ended before it was ready, or was never ready.
  enum Failure: Error {
    case portTaken
    case failed(String)
  }

  /// If the program may have failed to get its port, another one is tried: another process can take it in
  /// between.
  @LoopActor
  static func onFreePort<T>(
    _ name: String, _ isFit: (Int) -> Bool = { _ in true }, _ start: @LoopActor (Int) async throws -> T
  ) async throws -> T {
    for _ in 0..<5 {
      var port = try Sockets.freePort()
      while !isFit(port) { port = try Sockets.freePort() }
      do { return try await start(port) } catch Failure.portTaken {
        continue
      } catch Failure.failed(let reason) { throw ServerFailure(reason) }
    }
    throw ServerFailure("\(name): five free ports in a row were taken by others before it had started")
  }

  /// - Parameter isReady: called repeatedly with the log since the start.
  @LoopActor
  static func start(
    _ name: String, of server: some PrivateServer, _ options: ChildProcess.Options, log: String,
    patience: Duration = .seconds(30), isReady: @LoopActor (RunningProcess, String) async -> Bool
  ) async throws {
    let offset = ServerFiles.size(of: log)
    let child = try ChildProcess.start(options)
    guard let process = RunningProcess(pid: child.pid) else { throw failure(name, log: log, from: offset) }
    server.began(process)
    let deadline = Instant.now + patience
    while process.isRunning {
      if await isReady(process, ServerFiles.text(of: log, from: offset)) { return }
      guard Instant.now < deadline else {
        await server.kill()
        throw Failure.failed("\(name) is not ready after \(patience.components.seconds) s; see \(log)")
      }
      await EventLoop.shared.sleep(for: .milliseconds(10))
    }
    _ = await child.exit()
    server.ended()
    throw failure(name, log: log, from: offset)
  }

  private static func failure(_ name: String, log: String, from offset: UInt64) -> Failure {
    let text = ServerFiles.text(of: log, from: offset)
    // PostgreSQL and Redis say "Address already in use", Java "Address already in use" or "BindException".
    if text.contains("ddress already in use") || text.contains("BindException") { return .portTaken }
    return .failed("\(name) did not start: \(ServerFiles.lastLine(of: text)) (see \(log))")
  }

  /// Whether a port of the loopback accepts connections.
  @LoopActor
  static func accepts(port: Int) async -> Bool {
    let address = SocketAddress(numericHost: "127.0.0.1", port: port)
    guard let descriptor = try? Sockets.connect(to: address) else { return false }
    let writable = Completion<Void>()
    let watch = DescriptorWatch(descriptor) { _ in writable.succeed(()) }
    watch.watch(.writable)
    defer {
      watch.stop()
      Sockets.close(descriptor)
    }
    guard (try? await writable.value(deadline: .now + .seconds(1))) != nil else { return false }
    return Sockets.pendingError(descriptor) == 0
  }
}
