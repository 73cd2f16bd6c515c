internal import Foundation

/// What of the user's environment a child process gets: the system's own variables, and those that its caller names.
///
/// Libraries read variables that nobody meant for them: libpq `PGDATESTYLE` and `PGSERVICE`, Java `JAVA_TOOL_OPTIONS`,
/// Kafka's scripts `JMX_PORT`. A list of what is passed on keeps out those that nobody has thought of as well.
package enum ChildEnvironment {
  private static let system: Set<String> = [
    "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TZDIR",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "ASAN_OPTIONS",
    "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE",
  ]

  /// - Parameter names: variables that this child is meant to read.
  package static func clean(
    _ environment: [String: String] = ProcessInfo.processInfo.environment, keeping names: Set<String> = []
  ) -> [String: String] {
    environment.filter { system.contains($0.key) || names.contains($0.key) }
  }
}
