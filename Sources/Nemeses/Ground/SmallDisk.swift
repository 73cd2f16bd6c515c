import EventLoop
import Foundation

/// A file system in memory of a few MiB, so that a disk can be full without filling anybody's.
@LoopActor
final class SmallDisk {
  let path: String
  private var ballast: String { path + "/ballast" }

  private init(_ path: String) { self.path = path }

  /// Why there can be none; nil where there can. Asked by mounting one.
  static func missing() async -> String? {
    #if os(Linux)
      guard geteuid() == 0 else {
        return "a full disk needs a small file system, and mounting one needs root"
      }
      let path = NSTemporaryDirectory() + "timeattack-disk-\(getpid())"
      guard let disk = try? await mount(at: path, mebibytes: 1) else {
        return "a full disk needs a small file system, and mounting one is not permitted here"
      }
      await disk.unmount()
      try? FileManager.default.removeItem(atPath: path)
      return nil
    #else
      return "a full disk needs a small file system in memory, which only Linux mounts this way"
    #endif
  }

  /// - Throws: `MountFailure`.
  static func mount(at path: String, mebibytes: Int) async throws -> SmallDisk {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try await run("mount", ["-t", "tmpfs", "-o", "size=\(mebibytes)m,mode=0700", "timeattack", path])
    return SmallDisk(path)
  }

  /// Until not a page is left.
  func fill() {
    let descriptor = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var end: off_t = 0
    var piece: off_t = 16 * 1_048_576
    while piece >= 4_096 {
      if posix_fallocate(descriptor, end, piece) == 0 { end += piece } else { piece /= 2 }
    }
  }

  func empty() { unlink(ballast) }

  /// Whatever still uses it loses it.
  func unmount() async { try? await SmallDisk.run("umount", ["-l", path]) }

  private static func run(_ tool: String, _ arguments: [String]) async throws {
    let environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"]
    let (status, output) = try await ChildProcess.run(
      .init(
        "/bin/sh", ["-c", "exec \"$0\" \"$@\"", tool] + arguments, environment: environment,
        output: .capture(limit: 4_096)))
    guard status.isSuccess else {
      throw MountFailure(
        description:
          "\(tool): \(String(decoding: output, as: UTF8.self).split(separator: "\n").first ?? "\(status)")")
    }
  }
}

struct MountFailure: Error, CustomStringConvertible {
  let description: String
}
