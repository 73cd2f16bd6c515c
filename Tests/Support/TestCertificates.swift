package import PrivateServers
package import EventLoop
import Foundation

/// A server's certificate for 127.0.0.1 and `localhost`, the authority that has signed it, and another authority that has
/// not: made by `openssl`, where that is installed.
@LoopActor
package struct TestCertificates {
  package let authority: String
  package let otherAuthority: String
  package let certificate: String
  package let key: String

  package nonisolated static var canBeMade: Bool { Binaries.find("openssl") != nil }

  /// - Parameter owner: the account that reads the key; nil: this one.
  package static func make(
    for names: String = "IP:127.0.0.1,DNS:localhost", key owner: Account? = nil
  ) async throws -> TestCertificates {
    let folder = try TestServers.folder()
    // A server may run under another account.
    guard chmod(folder, 0o755) == 0 else { throw TestFailure("cannot open \(folder)") }
    let new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    for name in ["authority", "other"] {
      try await run(
        new + [
          "-x509", "-keyout", "\(folder)/\(name).key", "-out", "\(folder)/\(name).pem", "-subj",
          "/CN=\(name)",
        ])
    }
    for name in ["authority", "other"] { _ = chmod("\(folder)/\(name).pem", 0o644) }
    let own = try await sign("server", for: names, in: folder)
    if let owner {
      try ServerFiles.writeSecret(Data(contentsOf: URL(filePath: own.key)), to: own.key, owner: owner)
    }
    return TestCertificates(
      authority: "\(folder)/authority.pem", otherAuthority: "\(folder)/other.pem",
      certificate: own.certificate, key: own.key, folder: folder)
  }

  /// Another one that the same authority has signed.
  ///
  /// - Parameter days: how long it is valid; −1: until yesterday.
  package func sign(
    _ name: String, for names: String, days: Int = 2
  ) async throws -> (certificate: String, key: String) {
    try await TestCertificates.sign(name, for: names, in: folder, days: days)
  }

  private static func sign(
    _ name: String, for names: String, in folder: String, days: Int = 2
  ) async throws -> (certificate: String, key: String) {
    let path = "\(folder)/\(name)"
    try await run([
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "\(path).key",
      "-out",
      "\(path).csr", "-subj", "/CN=\(name)",
    ])
    try "subjectAltName=\(names)\n".write(toFile: "\(path).names", atomically: true, encoding: .utf8)
    try await run([
      "x509", "-req", "-in", "\(path).csr", "-CA", "\(folder)/authority.pem", "-CAkey",
      "\(folder)/authority.key", "-CAcreateserial", "-days", "\(days)", "-extfile", "\(path).names", "-out",
      "\(path).pem",
    ])
    _ = chmod("\(path).pem", 0o644)
    return ("\(path).pem", "\(path).key")
  }

  private let folder: String

  private init(
    authority: String, otherAuthority: String, certificate: String, key: String, folder: String
  ) {
    (self.authority, self.otherAuthority, self.certificate, self.key) =
      (authority, otherAuthority, certificate, key)
    self.folder = folder
  }

  private static func run(_ arguments: [String]) async throws {
    guard let tool = Binaries.find("openssl") else { throw TestFailure("no openssl") }
    let (status, output) = try await ChildProcess.run(
      ChildProcess.Options(tool, arguments, output: .capture(limit: 65_536)))
    guard status.isSuccess else { throw TestFailure(String(decoding: output, as: UTF8.self)) }
  }
}
