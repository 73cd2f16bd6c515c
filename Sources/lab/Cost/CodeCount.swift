import EventLoop
import Foundation
import Terminal

/// Lines of code by module: lines that hold something else than white space and comments.
package struct CodeCount: Hashable, Sendable {
  /// Module ─▶ lines.
  package private(set) var lines: [String: Int] = [:]
  /// Of them, what only the laboratory switches on: strategies other than the default, the embedded broker, the
  /// fault switches, the crash points.
  package private(set) var laboratory: [String: Int] = [:]
  /// Module ─▶ modules that it names.
  package let dependencies: [String: Set<String>]

  private static let laboratoryFolders = ["Broker", "Faults"]
  /// Listed by file, because the default strategy is in the same folder.
  package static let laboratoryFiles: Set<String> = [
    "CouponMonolith/Strategies/AdvisoryLock.swift", "CouponMonolith/Strategies/AtomicUpdate.swift",
    "CouponMonolith/Strategies/ForUpdateBatched.swift", "CouponMonolith/Strategies/ForUpdateCached.swift",
    "CouponMonolith/Strategies/Optimistic.swift", "CouponMonolith/Strategies/Unlocked.swift",
    "CouponAdmission/Strategies/ClaimsUnderWay.swift", "CouponAdmission/Strategies/Holders.swift",
    "CouponAdmission/Strategies/LuaAdmission.swift", "CouponAdmission/Strategies/RedisAdmission.swift",
    "CouponAdmission/Strategies/RedisCouponService.swift",
    "CouponAdmission/Strategies/ScardThenSaddAdmission.swift",
    "CouponAdmission/Strategies/TransactionAdmission.swift",
    "CouponAdmission/Strategies/WatchAdmission.swift",
    "CouponAdmission/API/APIWires+Crash.swift", "CouponWorker/WorkerWires+Crash.swift",
  ]

  /// Of a checkout, by what SwiftPM says of its targets.
  package static func read(_ folder: String) async throws -> CodeCount {
    // A build that is under way does not keep this waiting.
    let scratch = FileManager.default.temporaryDirectory.appending(path: "timeattack-manifest").path
    let options = ChildProcess.Options(
      "swift", ["package", "--package-path", folder, "--scratch-path", scratch, "dump-package"],
      environment: ProcessInfo.processInfo.environment, output: .capture(limit: 1 << 20))
    let (status, output) = try await ChildProcess.run(options)
    guard status.isSuccess else {
      throw LabFailure("swift package dump-package failed in \(folder); lab cost counts a checkout")
    }
    // SwiftPM may have a word to say before.
    return try CodeCount(manifest: Manifest(Array(output.drop { $0 != UInt8(ascii: "{") })), folder: folder)
  }

  package init(manifest: Manifest, folder: String) throws {
    dependencies = manifest.targets.reduce(into: [:]) { $0[$1.name] = Set($1.modules) }
    for target in manifest.targets where target.type == "regular" || target.type == "executable" {
      let path = target.path ?? "Sources/\(target.name)"
      for case let file as String in FileManager.default.enumerator(atPath: "\(folder)/\(path)") ?? .init()
      where file.hasSuffix(".swift") {
        let code = try String(contentsOfFile: "\(folder)/\(path)/\(file)", encoding: .utf8)
        let count = CodeCount.count(code)
        lines[target.name, default: 0] += count
        let folders = ([target.name] + file.split(separator: "/").map(String.init))
        if folders.contains(where: CodeCount.laboratoryFolders.contains)
          || CodeCount.laboratoryFiles.contains("\(target.name)/\(file)")
        {
          laboratory[target.name, default: 0] += count
        }
      }
    }
  }

  /// What `swift package dump-package` says of the targets.
  package struct Manifest: Decodable, Sendable {
    package struct Target: Decodable, Sendable {
      struct Dependency: Decodable {
        /// A name and a condition; of a target of the same package.
        let byName: [String?]?
      }
      package let name: String
      let type: String
      let path: String?
      let dependencies: [Dependency]

      package var modules: [String] { dependencies.compactMap { $0.byName?.first ?? nil } }
    }
    package let targets: [Target]

    package init(_ json: [UInt8]) throws { self = try JSONDecoder().decode(Manifest.self, from: Data(json)) }
  }

  package static func count(_ code: String) -> Int {
    code.split(separator: "\n").count { line in
      let text = line.drop { $0 == " " || $0 == "\t" }
      return !text.isEmpty && !text.hasPrefix("//")
    }
  }

  /// A program's modules, itself included.
  package func modules(of program: String) -> [String] {
    var seen: Set<String> = []
    var open = [program]
    while let next = open.popLast() {
      guard lines[next] != nil, seen.insert(next).inserted else { continue }
      open += dependencies[next] ?? []
    }
    return seen.sorted()
  }

  /// Without what only the laboratory switches on.
  package func product(_ module: String) -> Int { (lines[module] ?? 0) - (laboratory[module] ?? 0) }
}
