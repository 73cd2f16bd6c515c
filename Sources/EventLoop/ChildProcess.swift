internal import Clibuv

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// How a process ended.
package enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
  case code(Int32)
  case signal(Int32)

  package var isSuccess: Bool { self == .code(0) }
  package var description: String {
    switch self {
    case .code(let code): "exit code \(code)"
    case .signal(let number): "signal \(number)"
    }
  }
}

/// A program that could not be started.
package struct SpawnError: Error, Hashable, Sendable, CustomStringConvertible {
  package let executable: String
  package let reason: String
  package var description: String { "cannot start \(executable): \(reason)" }
}

/// A child process. Secrets belong in its environment or in files, never in its arguments.
@LoopActor
package final class ChildProcess {
  package enum Output: Sendable {
    case inherit
    case null
    /// Appends to the file, which is created with mode 0600.
    case file(String)
    /// Keeps at most this many bytes in `captured`; the rest is read and dropped.
    case capture(limit: Int)
    /// The same of standard output alone; standard error is inherited.
    case captureOutput(limit: Int)
  }

  package struct Options: Sendable {
    /// A path, or a name that is looked up on `PATH`.
    package var executable: String
    package var arguments: [String]
    package var environment: [String: String]
    package var directory: String?
    /// A file that is the standard input; nil: an empty one.
    package var input: String?
    /// Standard output and standard error together.
    package var output: Output
    package var user: UInt32?
    package var group: UInt32?
    /// Starts its own session and process group: a Ctrl-C at the terminal does not reach it.
    package var ownGroup: Bool

    package init(
      _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
      directory: String? = nil, output: Output = .inherit, user: UInt32? = nil, group: UInt32? = nil,
      ownGroup: Bool = false
    ) {
      (self.executable, self.arguments, self.environment) = (executable, arguments, environment)
      (self.directory, self.output, self.user, self.group) = (directory, output, user, group)
      self.ownGroup = ownGroup
    }
  }

  package private(set) var pid: Int32 = 0
  package private(set) var captured: [UInt8] = []
  package private(set) var status: ExitStatus?
  private var waiters: [Completion<ExitStatus>] = []
  private var captureWatch: DescriptorWatch?
  private var captureDescriptor: Int32 = -1
  private var captureLimit = 0

  package var isRunning: Bool { status == nil }

  /// - Throws: `SpawnError`, `SocketError`.
  package static func start(_ options: Options) throws -> ChildProcess {
    let child = ChildProcess()
    try child.spawn(options)
    return child
  }

  /// Starts a process and waits for its end and its captured output.
  package static func run(_ options: Options) async throws -> (ExitStatus, [UInt8]) {
    let child = try start(options)
    let status = await child.exit()
    return (status, child.captured)
  }

  /// Waits for the end; every caller gets the result.
  package func exit() async -> ExitStatus {
    if let status { return status }
    let waiter = Completion<ExitStatus>()
    waiters.append(waiter)
    // Never fails: the end of the process is its only event.
    return (try? await waiter.value()) ?? .code(-1)
  }

  /// Sends a signal; does nothing once the process has ended, because its number may have been reused.
  package func signal(_ number: Int32) {
    guard isRunning, pid > 0 else { return }
    _ = kill(pid, number)
  }

  private func spawn(_ options: Options) throws {
    let handle = UnsafeMutablePointer<uv_process_t>.allocate(capacity: 1)
    let input = try options.input.map { path throws(SocketError) in
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw SocketError("open \(path)") }
      return descriptor
    }
    defer { if let input { Sockets.close(input) } }
    let output = try openOutput(options.output)
    defer { if output.isOurs { Sockets.close(output.descriptor) } }
    handle.initialize(to: uv_process_t())
    let arguments = CStrings([options.executable] + options.arguments)
    let environment = CStrings(options.environment.map { "\($0.key)=\($0.value)" })
    defer {
      arguments.free()
      environment.free()
    }
    var stdio = [uv_stdio_container_t](repeating: uv_stdio_container_t(), count: 3)
    let errors = if case .captureOutput = options.output { Int32(2) } else { output.descriptor }
    for (index, descriptor) in [input ?? -1, output.descriptor, errors].enumerated() {
      stdio[index].flags = descriptor < 0 ? UV_IGNORE : UV_INHERIT_FD
      stdio[index].data.fd = descriptor == 1 ? Int32(index) : descriptor
    }
    let status = stdio.withUnsafeMutableBufferPointer { stdio in
      options.executable.withCString { file in
        withOptionalCString(options.directory) { directory in
          var spawn = uv_process_options_t()
          spawn.file = file
          spawn.args = arguments.pointers.baseAddress
          spawn.env = environment.pointers.baseAddress
          spawn.cwd = directory
          spawn.stdio_count = 3
          spawn.stdio = stdio.baseAddress
          if options.ownGroup { spawn.flags |= UV_PROCESS_DETACHED.rawValue }
          if let user = options.user {
            spawn.uid = user
            spawn.flags |= UV_PROCESS_SETUID.rawValue
          }
          if let group = options.group {
            spawn.gid = group
            spawn.flags |= UV_PROCESS_SETGID.rawValue
          }
          spawn.exit_cb = { handle, code, signal in ChildProcess.ended(handle, code, signal) }
          handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
          return uv_spawn(EventLoop.shared.uv, handle, &spawn)
        }
      }
    }
    guard status == 0 else {
      stopCapture()
      Unmanaged.passUnretained(self).release()
      handle.pointee.data = nil
      closeHandle(handle)
      throw SpawnError(executable: options.executable, reason: String(cString: uv_strerror(status)))
    }
    pid = handle.pointee.pid
  }

  private nonisolated static func ended(
    _ handle: UnsafeMutablePointer<uv_process_t>?, _ code: Int64, _ signal: Int32
  ) {
    guard let handle, let data = handle.pointee.data else { return }
    let child = Unmanaged<ChildProcess>.fromOpaque(data).takeRetainedValue()
    LoopActor.assumeIsolated {
      child.readCapture()
      child.stopCapture()
      child.status = signal != 0 ? .signal(signal) : .code(Int32(truncatingIfNeeded: code))
      for waiter in child.waiters { waiter.succeed(child.status ?? .code(-1)) }
      child.waiters = []
    }
    closeHandle(handle)
  }

  // MARK: - Output

  private func openOutput(_ output: Output) throws -> (descriptor: Int32, isOurs: Bool) {
    switch output {
    case .inherit: return (1, false)
    case .null: return (-1, false)
    case .file(let path):
      let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw SocketError("open \(path)") }
      return (descriptor, true)
    case .capture(let limit), .captureOutput(let limit):
      let (reader, writer) = try Platform.pipe()
      // The child's end must block: programs do not expect EAGAIN from their standard output.
      _ = fcntl(writer, F_SETFL, fcntl(writer, F_GETFL) & ~O_NONBLOCK)
      captureLimit = limit
      captureDescriptor = reader
      let watch = DescriptorWatch(reader) { [weak self] _ in self?.readCapture() }
      watch.watch(.readable)
      captureWatch = watch
      return (writer, true)
    }
  }

  private func readCapture() {
    guard captureWatch != nil else { return }
    withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) { buffer in
      while true {
        let count = read(captureDescriptor, buffer.baseAddress, buffer.count)
        guard count > 0 else {
          if count == 0 { stopCapture() }
          return
        }
        captured.append(contentsOf: buffer[..<min(count, max(0, captureLimit - captured.count))])
      }
    }
  }

  private func stopCapture() {
    guard let watch = captureWatch else { return }
    watch.stop()
    captureWatch = nil
    Sockets.close(captureDescriptor)
  }
}

private func closeHandle(_ handle: UnsafeMutablePointer<uv_process_t>) {
  handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) {
    uv_close($0) { handle in handle?.deallocate() }
  }
}

private func withOptionalCString<T>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> T) -> T {
  guard let text else { return body(nil) }
  return text.withCString { body($0) }
}

/// A null-terminated array of C strings.
private struct CStrings {
  let pointers: UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>

  init(_ strings: [String]) {
    pointers = .allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { pointers[index] = strdup(string) }
    pointers[strings.count] = nil
  }

  func free() {
    for pointer in pointers { Platform.free(pointer) }
    pointers.deallocate()
  }
}
