import Foundation
import TestSupport
import Testing

/// Who may import whom. docs/architecture.md explains the rooms; docs/rooms.svg draws them (scripts/rooms).
@Suite(.limited) struct ImportTests {
  /// Each module of Sources with the modules of the package that it may import. A new room gets a line here.
  static let rooms: [String: Set<String>] = [
    // Leaves.
    "Text": [],
    "CContract": [],
    "JSON": ["Text"],
    "Secrets": [],
    "EventLoop": [],
    // The rules, and the one place that knows time zones.
    "CouponDomain": ["Text"],
    "CouponCalendar": ["CouponDomain", "Text"],
    // One module a server; none knows of coupons.
    "HTTP": ["EventLoop", "Text"],
    "Postgres": ["EventLoop", "Operations", "Text"],
    "Redis": ["EventLoop", "Operations", "Text"],
    "Kafka": ["EventLoop", "Operations"],
    // What every program has. The fault switches know no server: they stand behind `CallSeam`.
    "Operations": ["EventLoop", "Text"],
    "Faults": ["EventLoop", "Operations"],
    // The coupons.
    "CouponStore": ["CouponDomain", "EventLoop", "JSON", "Operations", "Postgres", "Secrets", "Text"],
    "CouponAPI": [
      "CContract", "CouponCalendar", "CouponDomain", "EventLoop", "Faults", "HTTP", "JSON", "Operations",
      "Secrets", "Text",
    ],
    "CouponDatabase": [
      "CouponAPI", "CouponCalendar", "CouponDomain", "CouponStore", "EventLoop", "Faults", "Operations",
      "Postgres", "Text",
    ],
    "Programs": ["CouponAPI", "EventLoop", "Faults", "HTTP", "Operations", "Secrets"],
    // The two architectures: only one of them knows Redis and Kafka.
    "CouponMonolith": [
      "CouponAPI", "CouponCalendar", "CouponDatabase", "CouponDomain", "CouponStore", "EventLoop", "Faults",
      "Operations", "Postgres", "Programs", "Text",
    ],
    // The event-driven one: the log, its two readers, and the program around them. The readers do not see each other.
    "CouponLog": ["CouponDomain", "CouponStore", "EventLoop", "Kafka", "Operations", "Postgres", "Text"],
    "CouponAdmission": [
      "CouponAPI", "CouponCalendar", "CouponDatabase", "CouponDomain", "CouponLog", "CouponStore",
      "EventLoop", "Faults", "Kafka", "Operations", "Postgres", "Programs", "Redis", "Text",
    ],
    "CouponWorker": [
      "CouponAPI", "CouponDatabase", "CouponDomain", "CouponLog", "CouponStore", "EventLoop", "Faults",
      "Kafka", "Operations", "Postgres", "Programs", "Text",
    ],
    "CouponEDA": [
      "CouponAPI", "CouponAdmission", "CouponDatabase", "CouponLog", "CouponStore", "CouponWorker",
      "EventLoop", "Kafka",
      "Operations",
      "Postgres", "Programs",
    ],
    // The same code over servers that are simulated.
    "Simulation": [
      "CouponAPI", "CouponAdmission", "CouponDomain", "CouponLog", "CouponStore", "CouponWorker", "EventLoop",
      "Kafka", "Operations", "Postgres", "Programs", "Redis", "Text",
    ],
    "monolith": ["CouponMonolith"],
    "eda": ["CouponEDA"],
    // The laboratory. The checker reads no server; what a scenario says and what is measured start none.
    "PrivateServers": ["EventLoop", "Text"],
    "Terminal": ["EventLoop"],
    "History": ["CouponDomain", "Secrets", "Text"],
    "Load": [
      "CouponDomain", "CouponStore", "EventLoop", "HTTP", "History", "JSON", "Operations", "Terminal", "Text",
    ],
    "Verify": ["CouponCalendar", "CouponDomain", "History", "Text"],
    "Figures": ["CouponDomain", "History", "Text", "Verify"],
    "Scenarios": [
      "CouponDomain", "EventLoop", "Faults", "Figures", "History", "Load", "PrivateServers", "Terminal",
      "Verify",
    ],
    "Laboratory": [
      "CouponDomain", "CouponLog", "CouponStore", "EventLoop", "Faults", "HTTP", "History", "Kafka", "Load",
      "Operations",
      "Postgres", "PrivateServers", "Redis", "Scenarios", "Terminal", "Text", "Verify",
    ],
    "Experiments": [
      "CouponAdmission", "CouponDomain", "CouponEDA", "CouponMonolith", "CouponStore", "CouponWorker",
      "EventLoop", "Faults", "Figures",
      "History", "Kafka", "Laboratory", "Load", "Operations", "Postgres", "PrivateServers", "Redis",
      "Scenarios", "Secrets", "Terminal", "Text", "Verify",
    ],
    "Nemeses": [
      "CouponDomain", "CouponStore", "EventLoop", "Experiments", "Faults", "Figures", "HTTP", "History",
      "Kafka",
      "Laboratory", "Load", "Operations", "Postgres", "PrivateServers", "Redis", "Scenarios", "Terminal",
      "Text",
      "Verify",
    ],
    "Reports": [
      "EventLoop", "Experiments", "Figures", "History", "Load", "Scenarios", "Terminal", "Text", "Verify",
    ],
    "lab": [
      "CouponAdmission", "CouponDomain", "CouponEDA", "CouponMonolith", "CouponStore", "CouponWorker",
      "EventLoop", "Experiments", "Faults",
      "Figures", "HTTP", "History", "Kafka", "Laboratory", "Load", "Nemeses", "Operations", "Postgres",
      "PrivateServers", "Programs", "Reports", "Scenarios", "Simulation", "Terminal", "Text", "Verify",
    ],
  ]

  /// The C library of each module that has one: no other module sees it.
  static let libraries = [
    "Clibuv": "EventLoop", "Clibpq": "Postgres", "Chiredis": "Redis", "COpenSSL": "Redis",
    "Crdkafka": "Kafka",
    "Csodium": "Secrets", "CYAML": "Scenarios",
  ]

  /// Modules that do without Foundation: the rules, the loop and everything on the hot path to a server.
  static let withoutFoundation = [
    "Text", "JSON", "Secrets", "CouponDomain", "EventLoop", "HTTP", "Postgres", "Redis", "Kafka",
  ]

  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// What the files of a module import.
  static func imports(of module: String) throws -> Set<String> {
    let sources = root.appending(path: "Sources")
    let folder = ["\(module)", "Executables/\(module)"].map { sources.appending(path: $0) }
      .first { FileManager.default.fileExists(atPath: $0.path) }
    let files = FileManager.default.enumerator(at: try #require(folder), includingPropertiesForKeys: nil)
    var found: Set<String> = []
    for case let file as URL in try #require(files) where file.pathExtension == "swift" {
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        let words = line.split(separator: " ")
        guard let keyword = words.firstIndex(of: "import"), keyword <= 1, words.count > keyword + 1 else {
          continue
        }
        if keyword == 1, !["package", "internal", "public"].contains(words[0]) { continue }
        found.insert(String(words[keyword + 1]))
      }
    }
    return found
  }

  @Test(arguments: rooms.keys.sorted())
  func aModuleImportsOnlyWhatItMay(_ module: String) throws {
    let imports = try ImportTests.imports(of: module)
    let foreign = imports.intersection(ImportTests.rooms.keys).subtracting([module])
      .subtracting(ImportTests.rooms[module] ?? [])
    #expect(foreign.isEmpty, "\(module) may not import \(foreign.sorted().joined(separator: ", "))")
    for (library, owner) in ImportTests.libraries where owner != module {
      #expect(!imports.contains(library), "\(library) is \(owner)'s")
    }
    if ImportTests.withoutFoundation.contains(module) {
      #expect(!imports.contains("Foundation"), "\(module) does without Foundation")
    }
    #expect(!imports.contains("Testing"), "tests are not in Sources")
  }

  @Test func everyModuleHasARoom() throws {
    let sources = ImportTests.root.appending(path: "Sources")
    let folders =
      try FileManager.default.contentsOfDirectory(atPath: sources.path)
      + FileManager.default.contentsOfDirectory(atPath: sources.appending(path: "Executables").path)
    let modules = Set(folders).subtracting(ImportTests.libraries.keys).subtracting(["Executables"])
    #expect(modules == Set(ImportTests.rooms.keys))
  }

  /// The picture's first comment lists the imports that it draws.
  @Test func thePictureShowsTheImports() throws {
    let picture = try String(contentsOf: ImportTests.root.appending(path: "docs/rooms.svg"), encoding: .utf8)
    let start = try #require(picture.range(of: "<!-- imports\n")).upperBound
    let end = try #require(picture.range(of: "-->")).lowerBound
    var drawn: [String: Set<String>] = [:]
    for line in picture[start..<end].split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == ":" }.map(String.init)
      drawn[words[0]] = Set(words.dropFirst())
    }
    for module in ImportTests.rooms.keys {
      let imports = try ImportTests.imports(of: module).intersection(ImportTests.rooms.keys).subtracting([
        module
      ])
      #expect(drawn[module] == imports, "\(module): run scripts/rooms")
    }
    #expect(Set(drawn.keys) == Set(ImportTests.rooms.keys), "run scripts/rooms")
  }
}
