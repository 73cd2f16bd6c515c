internal import EventLoop
package import Foundation

/// The files of private servers: folders, secrets that only the owner can read, and the part of a log since a
/// server's start.
package enum ServerFiles {
  package static func makeFolder(_ path: String, mode: Int = 0o700) throws {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
  }

  /// Writes a file that only its owner can read, atomically, even if the machine stops.
  package static func writeSecret(_ content: Data, to path: String, owner: Account? = nil) throws {
    let draft = path + ".new"
    try? FileManager.default.removeItem(atPath: draft)
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw ServerFailure("cannot write \(path): \(String(cString: strerror(errno)))")
    }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try file.write(contentsOf: content)
    if let owner, fchown(descriptor, owner.user, owner.group) != 0 {
      throw ServerFailure("cannot give \(path) to its owner: \(String(cString: strerror(errno)))")
    }
    // The name must not reach the disk before the content.
    try file.synchronize()
    guard rename(draft, path) == 0 else {
      throw ServerFailure("cannot write \(path): \(String(cString: strerror(errno)))")
    }
  }

  package static func size(of path: String) -> UInt64 {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return (attributes?[.size] as? NSNumber)?.uint64Value ?? 0
  }

  /// The content of a log from `offset` on, at most its last 64 KiB.
  package static func text(of path: String, from offset: UInt64) -> String {
    guard let file = FileHandle(forReadingAtPath: path) else { return "" }
    defer { try? file.close() }
    let start = max(
      offset, size(of: path).subtractingReportingOverflow(65_536).1 ? 0 : size(of: path) - 65_536)
    guard (try? file.seek(toOffset: start)) != nil, let data = try? file.readToEnd() else { return "" }
    return String(decoding: data, as: UTF8.self)
  }

  /// The last line that is not blank, for an error of one line.
  package static func lastLine(of text: String) -> String {
    text.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) }.map(String.init)
      ?? "it says nothing"
  }
}

/// The account that a server runs under if this process is root.
package struct Account: Sendable {
  package let user: UInt32
  package let group: UInt32

  package static func named(_ name: String) -> Account? {
    guard let entry = getpwnam(name) else { return nil }
    return Account(user: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
  }
}
