package import EventLoop
internal import Foundation

/// A private PostgreSQL server: loopback only, with its own password, otherwise like a production server
/// (fsync on).
///
/// `initdb` rejects root, and the user `postgres` cannot enter root's home: as root the server runs as that
/// user, with its data in a separate folder under /tmp. `postgres.json` in the given directory records the
/// folder and the password.
@LoopActor
package final class PrivatePostgres: PrivateServer {
  /// What is kept from one start to the next.
  struct Note: Codable {
    var folder: String
    var password: String
    var data: String { folder + "/data" }
    /// Exists once the data is complete: an interrupted first start is repeated.
    var completed: String { folder + "/completed" }
  }

  static let user = "timeattack"
  static let folderPrefix = "/tmp/timeattack-postgres-"

  package private(set) var port = 0
  package var process: RunningProcess?
  package let onProcess: @LoopActor (RunningProcess, Bool) -> Void
  package let log: String
  private let note: Note
  private let account: Account?

  /// `postgresql://user:password@127.0.0.1:port/database`: a secret.
  package var url: String { url(database: PrivatePostgres.user) }
  package func url(database: String) -> String {
    "postgresql://\(PrivatePostgres.user):\(note.password)@127.0.0.1:\(port)/\(database)"
  }

  private init(
    note: Note, log: String, account: Account?, onProcess: @escaping @LoopActor (RunningProcess, Bool) -> Void
  ) {
    (self.note, self.log, self.account, self.onProcess) = (note, log, account, onProcess)
  }

  /// Starts a server with the data of `directory`, which is created if it is missing.
  ///
  /// - Throws: `ServerFailure`, `SpawnError`, `SocketError`.
  package static func start(
    in directory: String, log: String? = nil,
    onProcess: @escaping @LoopActor (RunningProcess, Bool) -> Void = { _, _ in }
  ) async throws -> PrivatePostgres {
    try ServerFiles.makeFolder(directory)
    let account = try serverAccount()
    let note = try findOrMakeNote(in: directory, account)
    let server = PrivatePostgres(
      note: note, log: log ?? directory + "/postgres.log", account: account, onProcess: onProcess)
    let isNew = !FileManager.default.fileExists(atPath: note.completed)
    if isNew { try await server.initialise() }
    try await Launch.onFreePort("PostgreSQL") { port in
      server.port = port
      try await server.launch()
    }
    if isNew {
      try await server.createDatabase(PrivatePostgres.user)
      try ServerFiles.writeSecret(Data(), to: note.completed)
    }
    return server
  }

  /// Starts an asynchronous streaming replica of this server, which only reads until it is promoted (`pg_promote()`).
  package func startReplica(
    in directory: String, onProcess: @escaping @LoopActor (RunningProcess, Bool) -> Void = { _, _ in }
  ) async throws -> PrivatePostgres {
    try ServerFiles.makeFolder(directory)
    let copy = try PrivatePostgres.findOrMakeNote(in: directory, account, password: note.password)
    var environment = PrivatePostgres.environment
    environment["PGPASSWORD"] = note.password
    try await run(
      "pg_basebackup",
      [
        "-h", "127.0.0.1", "-p", String(port), "-U", PrivatePostgres.user, "-D", copy.data,
        "--write-recovery-conf",
        "--wal-method=stream", "--checkpoint=fast", "--no-sync",
      ], environment: environment)
    try ServerFiles.writeSecret(Data(), to: copy.completed)
    return try await PrivatePostgres.start(in: directory, onProcess: onProcess)
  }

  /// A server that another process of this machine started in `directory`; without a process, one that has
  /// ended.
  package static func adopt(
    in directory: String, port: Int, process: RunningProcess?, log: String? = nil,
    onProcess: @escaping @LoopActor (RunningProcess, Bool) -> Void = { _, _ in }
  ) throws -> PrivatePostgres {
    guard let note = readNote(in: directory) else {
      throw ServerFailure("no notes of a PostgreSQL server in \(directory)")
    }
    let server = PrivatePostgres(
      note: note, log: log ?? directory + "/postgres.log", account: try serverAccount(), onProcess: onProcess)
    (server.port, server.process) = (port, process)
    return server
  }

  /// Removes the data of a server that is not running.
  package static func remove(in directory: String) throws {
    guard let note = readNote(in: directory) else { return }
    guard note.folder.hasPrefix(folderPrefix) || note.folder.hasPrefix(directory) else {
      throw ServerFailure("\(directory)/postgres.json names a folder that is not ours: \(note.folder)")
    }
    if FileManager.default.fileExists(atPath: note.folder) {
      try FileManager.default.removeItem(atPath: note.folder)
    }
    try FileManager.default.removeItem(atPath: noteFile(in: directory))
  }

  /// Makes the folder that a first start in `directory` will use, for a file system to be mounted there.
  package static func makeDataFolder(in directory: String) throws -> String {
    try ServerFiles.makeFolder(directory)
    return try findOrMakeNote(in: directory, try serverAccount()).folder
  }

  /// Gives the folder to the server's account once more.
  package static func giveDataFolder(in directory: String) throws {
    guard let folder = dataFolder(in: directory), let account = try serverAccount() else { return }
    guard chown(folder, account.user, account.group) == 0 else {
      throw ServerFailure("cannot give \(folder) to postgres: \(String(cString: strerror(errno)))")
    }
  }

  /// The folder with the data of the server in `directory`.
  package static func dataFolder(in directory: String) -> String? { readNote(in: directory)?.folder }

  // MARK: - While it runs

  /// The fast shutdown: transactions are rolled back, everything is written to disk.
  package func stop() async {
    await end([(SIGINT, .seconds(20)), (SIGQUIT, .seconds(5))])
  }

  /// Restarts it on the same port, with the same data; after `kill()` it recovers first.
  package func restart() async throws {
    if isRunning { await stop() }
    removeLockOfTheDead()
    let deadline = Instant.now + .seconds(10)
    while true {
      do { return try await launch() } catch Launch.Failure.portTaken {
        throw ServerFailure("PostgreSQL: port \(port) was taken meanwhile")
      } catch Launch.Failure.failed(let reason) {
        // Backends of a killed server hold its memory until they notice that it has gone.
        guard reason.contains("Terminate any old server processes"), Instant.now < deadline else {
          throw ServerFailure(reason)
        }
        await EventLoop.shared.sleep(for: .milliseconds(100))
      }
    }
  }

  /// A killed server leaves its number behind. If the dead process was not collected (a container without an
  /// init), that number counts as running, and PostgreSQL would not start on its data again.
  private func removeLockOfTheDead() {
    let file = note.data + "/postmaster.pid"
    let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    guard let pid = text.split(separator: "\n").first.flatMap({ Int32($0) }),
      ProcessTable.isUncollected(pid)
    else { return }
    try? FileManager.default.removeItem(atPath: file)
  }

  /// Creates a database and returns its URL.
  @discardableResult
  package func createDatabase(_ name: String) async throws -> String {
    let arguments = ["-h", "127.0.0.1", "-p", String(port), "-U", PrivatePostgres.user, name]
    var environment = PrivatePostgres.environment
    environment["PGPASSWORD"] = note.password
    try await run("createdb", arguments, environment: environment)
    return url(database: name)
  }

  // MARK: - Starting

  private static var environment: [String: String] {
    ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"]
  }

  private static func binary(_ name: String) throws -> String {
    guard let path = Binaries.find(name) else {
      throw ServerFailure("PostgreSQL's \(name) was not found; `make setup` installs it")
    }
    return path
  }

  private static func serverAccount() throws -> Account? {
    guard geteuid() == 0 else { return nil }
    guard let account = Account.named("postgres") else {
      throw ServerFailure("PostgreSQL refuses to run as root, and there is no user `postgres`")
    }
    return account
  }

  private static func noteFile(in directory: String) -> String { directory + "/postgres.json" }

  private static func readNote(in directory: String) -> Note? {
    guard let data = FileManager.default.contents(atPath: noteFile(in: directory)),
      var note = try? JSONDecoder().decode(Note.self, from: data)
    else { return nil }
    // If the directory was moved (or copied), its data moved with it, and the password is still the data's.
    let here = directory + "/postgres"
    if !note.folder.hasPrefix(folderPrefix), FileManager.default.fileExists(atPath: here) {
      note.folder = here
    }
    return note
  }

  private static func findOrMakeNote(
    in directory: String, _ account: Account?, password: String = randomSecret()
  ) throws -> Note {
    if let note = readNote(in: directory), FileManager.default.fileExists(atPath: note.folder) { return note }
    let folder = account == nil ? directory + "/postgres" : folderPrefix + randomSecret()
    try ServerFiles.makeFolder(folder)
    if let account, chown(folder, account.user, account.group) != 0 {
      throw ServerFailure("cannot give \(folder) to postgres: \(String(cString: strerror(errno)))")
    }
    let note = Note(folder: folder, password: password)
    try ServerFiles.writeSecret(try JSONEncoder().encode(note), to: noteFile(in: directory))
    return note
  }

  private func initialise() async throws {
    if FileManager.default.fileExists(atPath: note.data) {
      try FileManager.default.removeItem(atPath: note.data)
    }
    let passwordFile = note.folder + "/password"
    try ServerFiles.writeSecret(Data(note.password.utf8), to: passwordFile, owner: account)
    defer { try? FileManager.default.removeItem(atPath: passwordFile) }
    try await run(
      "initdb",
      [
        "--pgdata", note.data, "--username", PrivatePostgres.user, "--auth", "scram-sha-256",
        "--pwfile", passwordFile, "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions",
      ], environment: PrivatePostgres.environment)
  }

  private func launch() async throws {
    let settings = [
      "listen_addresses": "127.0.0.1", "port": String(port), "unix_socket_directories": "",
      "max_connections": "200", "shared_buffers": "128MB", "timezone": "UTC", "log_timezone": "UTC",
      "log_line_prefix": "%m [%p] ", "jit": "off", "lc_messages": "C",
    ]
    let arguments =
      ["-D", note.data] + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    var options = try options("postgres", arguments, environment: PrivatePostgres.environment)
    (options.output, options.ownGroup) = (.file(log), true)
    let statusFile = note.data + "/postmaster.pid"
    try await Launch.start("PostgreSQL", of: self, options, log: log, patience: .seconds(60)) { process, _ in
      // As pg_ctl does: the first line of the file is the server's number, the last one its status.
      let lines =
        (try? String(contentsOfFile: statusFile, encoding: .utf8))?
        .split(separator: "\n", omittingEmptySubsequences: false) ?? []
      return lines.first == "\(process.pid)" && lines.count >= 8 && lines[7].hasPrefix("ready")
    }
  }

  /// Runs one of PostgreSQL's tools and waits for its end.
  private func run(_ tool: String, _ arguments: [String], environment: [String: String]) async throws {
    var options = try options(tool, arguments, environment: environment)
    options.output = .capture(limit: 65_536)
    let (status, output) = try await ChildProcess.run(options)
    guard status.isSuccess else {
      let line = ServerFiles.lastLine(of: String(decoding: output, as: UTF8.self))
      throw ServerFailure("\(tool) ended with \(status): \(line)")
    }
  }

  private func options(
    _ tool: String, _ arguments: [String], environment: [String: String]
  ) throws -> ChildProcess.Options {
    ChildProcess.Options(
      try PrivatePostgres.binary(tool), arguments, environment: environment, directory: note.folder,
      user: account?.user, group: account?.group)
  }
}
