import Foundation

/// Lines of code by module: lines that hold something else than white space and comments.
package struct CodeCount: Hashable, Sendable {
  /// Module ─▶ lines.
  package private(set) var lines: [String: Int] = [:]
  /// Of them, what only the laboratory switches on: strategies other than the default, the embedded broker, faults.
  package private(set) var laboratory: [String: Int] = [:]
  /// Module ─▶ modules that it names.
  package let dependencies: [String: Set<String>]

  private static let laboratoryFolders = ["Broker", "Faults"]
  /// By file, for the default strategy and the seam lie beside the others.
  package static let laboratoryFiles: Set<String> = [
    "CouponMonolith/Strategies/AdvisoryLock.swift", "CouponMonolith/Strategies/AtomicUpdate.swift",
    "CouponMonolith/Strategies/Optimistic.swift", "CouponMonolith/Strategies/Unlocked.swift",
    "CouponEDA/Strategies/ClaimsUnderWay.swift", "CouponEDA/Strategies/Holders.swift",
    "CouponEDA/Strategies/LuaAdmission.swift", "CouponEDA/Strategies/RedisAdmission.swift",
    "CouponEDA/Strategies/RedisCouponService.swift", "CouponEDA/Strategies/ScardThenSaddAdmission.swift",
    "CouponEDA/Strategies/TransactionAdmission.swift", "CouponEDA/Strategies/WatchAdmission.swift",
  ]

  /// `folder` holds `Package.swift` and `Sources`.
  package init(folder: String) throws {
    guard let text = try? String(contentsOfFile: folder + "/Package.swift", encoding: .utf8) else {
      throw LabFailure("there is no Package.swift in \(folder); lab cost counts a checkout")
    }
    dependencies = CodeCount.dependencies(text)
    let sources = URL(fileURLWithPath: folder + "/Sources").standardizedFileURL.path
    for case let path as String in FileManager.default.enumerator(atPath: sources) ?? .init()
    where path.hasSuffix(".swift") {
      guard let code = try? String(contentsOfFile: "\(sources)/\(path)", encoding: .utf8) else { continue }
      let parts = path.split(separator: "/").map(String.init)
      // An executable's folder is named behind its kind.
      let module = parts[0] == "Executables" ? parts[1] : parts[0]
      let count = CodeCount.count(code)
      lines[module, default: 0] += count
      if parts.contains(where: CodeCount.laboratoryFolders.contains)
        || CodeCount.laboratoryFiles.contains(path)
      {
        laboratory[module, default: 0] += count
      }
    }
  }

  package static func count(_ code: String) -> Int {
    code.split(separator: "\n").count { line in
      let text = line.drop { $0 == " " || $0 == "\t" }
      return !text.isEmpty && !text.hasPrefix("//")
    }
  }

  /// What `library("Name", ["Other", …])` and `program("Name", […])` say.
  package static func dependencies(_ manifest: String) -> [String: Set<String>] {
    var found: [String: Set<String>] = [:]
    for kind in ["library(", "program("] {
      var rest = manifest[...]
      while let start = rest.range(of: kind) {
        rest = rest[start.upperBound...]
        let end = rest.firstIndex(of: ")") ?? rest.endIndex
        let call = rest[..<end]
        let names = CodeCount.quoted(call.prefix { $0 != "]" })
        if let name = names.first { found[name] = Set(names.dropFirst()) }
      }
    }
    return found
  }

  private static func quoted(_ text: Substring) -> [String] {
    text.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
      .filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) }
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
