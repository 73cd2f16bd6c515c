internal import Foundation
internal import Text

/// The locations of installed servers' programs.
package enum Binaries {
  /// The first `name` on `PATH`, or in a folder where Debian, Red Hat and Homebrew keep programs that are not
  /// on it.
  package static func find(
    _ name: String, environment: [String: String] = ProcessInfo.processInfo.environment
  )
    -> String?
  {
    let path = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").map(String.init)
    for folder in path + offThePath() {
      let file = "\(folder)/\(name)"
      if isExecutable(file) { return file }
    }
    return nil
  }

  static func isExecutable(_ file: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) && !isFolder.boolValue
      && FileManager.default.isExecutableFile(atPath: file)
  }

  /// Folders of PostgreSQL versions, the newest first.
  private static func offThePath() -> [String] {
    var folders: [String] = []
    for (root, below) in [
      ("/usr/lib/postgresql", "/bin"), ("/opt/homebrew/opt", "/bin"), ("/usr/local/opt", "/bin"),
    ] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
      let versions = names.filter {
        root.hasSuffix("postgresql") || $0.hasPrefix("postgresql") || $0 == "redis"
      }
      let newestFirst = versions.sorted { $0.compare($1, options: .numeric) == .orderedDescending }
      folders += newestFirst.map { "\(root)/\($0)\(below)" }
    }
    return folders
  }
}

/// A private server that could not be started or stopped; one line for people, without secrets.
package struct ServerFailure: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

/// A secret of 128 random bits.
package func randomSecret() -> String {
  var generator = SystemRandomNumberGenerator()
  return String(capacity: 32) { text in
    for _ in 0..<2 { text.append(hex: generator.next()) }
  }
}
