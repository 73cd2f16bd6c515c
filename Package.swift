// swift-tools-version: 6.2
import PackageDescription

// One place for what every target compiles with: Swift 6 mode, warnings are errors, async functions stay where
// their caller runs (see docs/decisions/0002-one-thread.md).
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  // One thread owns the state, and debug builds and their tests check each access; the checks cost a request 5 %.
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// What does not compute anything for each request, log record or person of the load is not optimized in release builds
/// either: a third of a clean build's work went there. `lab verify` takes 2.3 times as long for it (3.1 instead of 1.4 s
/// for 300,000 people), `lab simulate` 2.5 times.
let unhurried =
  settings
  + [.unsafeFlags(["-Onone", "-no-emit-module-separately-wmo"], .when(configuration: .release))]

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = settings
) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// An executable of a few lines over a library of its own; `lab` has no library yet.
func program(_ name: String, _ dependencies: [Target.Dependency], settings: [SwiftSetting] = settings)
  -> Target
{
  .executableTarget(
    name: name, dependencies: dependencies, path: name == "lab" ? nil : "Sources/Executables/\(name)",
    swiftSettings: settings)
}

func tests(
  _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
  settings: [SwiftSetting] = unhurried
) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

func testSupport(
  _ name: String, _ dependencies: [Target.Dependency], path: String, exclude: [String] = [],
  settings: [SwiftSetting] = unhurried
) -> Target {
  .target(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: settings)
}

func system(_ name: String, pkgConfig: String? = nil, apt: String, brew: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt]), .brew([brew])])
}

let package = Package(
  name: "TimeAttack",
  platforms: [.macOS(.v15)],
  targets: [
    system("Clibuv", pkgConfig: "libuv", apt: "libuv1-dev", brew: "libuv"),
    system("Clibpq", pkgConfig: "libpq", apt: "libpq-dev", brew: "libpq"),
    // hiredis' own pkg-config flags make the compiler warn; the headers are on the default path.
    system("Chiredis", apt: "libhiredis-dev", brew: "hiredis"),
    system("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev", brew: "openssl@3"),
    system("Crdkafka", pkgConfig: "rdkafka", apt: "librdkafka-dev", brew: "librdkafka"),
    system("Csodium", pkgConfig: "libsodium", apt: "libsodium-dev", brew: "libsodium"),
    system("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev", brew: "libyaml"),

    // The leaves: text, JSON, secrets.
    library("Text"),
    library("JSON", ["Text"]),
    .target(name: "CContract"),
    library("Secrets", ["Csodium"]),

    // The rules.
    library("CouponDomain", ["Text"]),
    library("CouponCalendar", ["CouponDomain", "Text"]),

    // The loop, and one module a server.
    library("EventLoop", ["Clibuv"]),
    library("HTTP", ["EventLoop", "Text"]),
    library("Postgres", ["Clibpq", "EventLoop", "Operations", "Text"]),
    library("Redis", ["COpenSSL", "Chiredis", "EventLoop", "Operations", "Text"]),
    library("Kafka", ["Crdkafka", "EventLoop", "Operations"]),

    // What every program has: logs, metrics, settings, fault switches.
    library("Operations", ["EventLoop", "Text"]),
    library("Faults", ["EventLoop", "Operations"]),

    // The coupons: tables and log, the HTTP API, what both programs share, and what is particular to each.
    library(
      "CouponStore", ["CouponDomain", "EventLoop", "JSON", "Operations", "Postgres", "Secrets", "Text"]),
    library(
      "CouponAPI",
      [
        "CContract", "CouponCalendar", "CouponDomain", "EventLoop", "Faults", "HTTP", "JSON", "Operations",
        "Secrets", "Text",
      ]),
    library(
      "CouponDatabase",
      [
        "CouponAPI", "CouponCalendar", "CouponDomain", "CouponStore", "EventLoop", "Faults", "Operations",
        "Postgres", "Text",
      ]),
    library(
      "Programs", ["CouponAPI", "EventLoop", "Faults", "HTTP", "Operations", "Secrets"], settings: unhurried),
    library(
      "CouponMonolith",
      [
        "CouponAPI", "CouponCalendar", "CouponDatabase", "CouponDomain", "CouponStore", "EventLoop",
        "Faults", "Operations", "Postgres", "Programs", "Text",
      ]),
    library(
      "CouponLog", ["CouponDomain", "CouponStore", "EventLoop", "Kafka", "Operations", "Postgres", "Text"]),
    library(
      "CouponAdmission",
      [
        "CouponAPI", "CouponCalendar", "CouponDatabase", "CouponDomain", "CouponLog", "CouponStore",
        "EventLoop", "Faults", "Kafka", "Operations", "Postgres", "Programs", "Redis", "Text",
      ]),
    library(
      "CouponWorker",
      [
        "CouponAPI", "CouponDatabase", "CouponDomain", "CouponLog", "CouponStore", "EventLoop", "Faults",
        "Kafka", "Operations", "Postgres", "Programs", "Text",
      ]),
    library(
      "CouponEDA",
      [
        "CouponAPI", "CouponAdmission", "CouponDatabase", "CouponLog", "CouponStore", "CouponWorker",
        "EventLoop", "Kafka",
        "Operations", "Postgres", "Programs",
      ], settings: unhurried),

    // The event-driven version's own code over servers that are simulated.
    library(
      "Simulation",
      [
        "CouponAPI", "CouponAdmission", "CouponDomain", "CouponLog", "CouponStore", "CouponWorker",
        "EventLoop", "Kafka", "Operations", "Postgres", "Programs", "Redis", "Text",
      ], settings: unhurried),

    // What `lab` consists of.
    library("PrivateServers", ["EventLoop", "Text"], settings: unhurried),
    library("Terminal", ["EventLoop"], settings: unhurried),
    library("History", ["CouponDomain", "Secrets", "Text"]),
    library(
      "Load",
      [
        "CouponDomain", "CouponStore", "EventLoop", "HTTP", "History", "JSON", "Operations", "Terminal",
        "Text",
      ]),
    library("Verify", ["CouponCalendar", "CouponDomain", "History", "Text"], settings: unhurried),
    library("Figures", ["CouponDomain", "History", "Text", "Verify"], settings: unhurried),
    library(
      "Scenarios",
      [
        "CYAML", "CouponDomain", "EventLoop", "Faults", "Figures", "History", "Load", "PrivateServers",
        "Terminal", "Verify",
      ], settings: unhurried),
    library(
      "Laboratory",
      [
        "CouponDomain", "CouponLog", "CouponStore", "EventLoop", "Faults", "HTTP", "History", "Kafka",
        "Load", "Operations", "Postgres", "PrivateServers", "Redis", "Scenarios", "Terminal", "Text",
        "Verify",
      ], settings: unhurried),
    library(
      "Experiments",
      [
        "CouponAdmission", "CouponDomain", "CouponEDA", "CouponMonolith", "CouponStore", "CouponWorker",
        "EventLoop", "Faults", "Figures", "History", "Kafka", "Laboratory", "Load", "Operations", "Postgres",
        "PrivateServers", "Redis", "Scenarios", "Secrets", "Terminal", "Text", "Verify",
      ], settings: unhurried),
    library(
      "Nemeses",
      [
        "CouponDomain", "CouponStore", "EventLoop", "Experiments", "Faults", "Figures", "HTTP", "History",
        "Kafka", "Laboratory", "Load", "Operations", "Postgres", "PrivateServers", "Redis", "Scenarios",
        "Terminal", "Text", "Verify",
      ], settings: unhurried),
    library(
      "Reports",
      [
        "EventLoop", "Experiments", "Figures", "History", "Load", "Scenarios", "Terminal", "Text",
      ], settings: unhurried),

    // The programs: a few lines each; `lab` keeps its commands.
    program("monolith", ["CouponMonolith"]),
    program("eda", ["CouponEDA"]),
    program(
      "lab",
      [
        "CouponAdmission", "CouponDomain", "CouponEDA", "CouponMonolith", "CouponStore", "CouponWorker",
        "EventLoop", "Experiments", "Faults", "Figures", "HTTP", "History", "Kafka", "Laboratory", "Load",
        "Nemeses", "Operations", "Postgres", "PrivateServers", "Programs", "Reports", "Scenarios",
        "Simulation", "Terminal", "Text", "Verify", "eda", "monolith",
      ], settings: unhurried),

    // What tests share: servers, doubles at the ports, values to build from.
    testSupport(
      "TestSupport",
      [
        "CouponAPI", "CouponCalendar", "CouponDomain", "CouponStore", "Clibuv", "EventLoop", "Operations",
        "Postgres", "PrivateServers", "Text",
      ],
      path: "Tests/Support"),
    testSupport(
      "Fuzzing",
      [
        "CouponAPI", "CouponAdmission", "CouponDomain", "CouponMonolith", "CouponStore", "CouponWorker",
        "EventLoop", "Faults", "HTTP", "History", "Operations", "Postgres", "Redis", "Scenarios",
        "TestSupport",
        "Text",
      ],
      path: "Tests/Fuzzing", exclude: ["Corpus"], settings: settings),
    .executableTarget(
      name: "fuzz", dependencies: ["EventLoop", "Fuzzing"], path: "Tests/Fuzz", swiftSettings: settings),
    testSupport(
      "LabTestSupport", ["CouponCalendar", "CouponDomain", "History", "Text", "Verify"],
      path: "Tests/LabSupport"),

    tests("TextTests", ["CouponDomain", "TestSupport", "Text"]),
    tests("CouponDomainTests", ["CouponDomain", "TestSupport", "Text"]),
    tests("CouponCalendarTests", ["CouponCalendar", "CouponDomain", "TestSupport", "Text"]),
    tests("FuzzingTests", ["EventLoop", "Fuzzing", "Redis", "TestSupport"]),
    tests("EventLoopTests", ["EventLoop", "TestSupport"]),
    tests("HTTPTests", ["EventLoop", "HTTP", "TestSupport"]),
    tests("PostgresTests", ["EventLoop", "Operations", "Postgres", "PrivateServers", "TestSupport"]),
    tests("RedisTests", ["EventLoop", "PrivateServers", "Redis", "TestSupport"]),
    tests("KafkaTests", ["Crdkafka", "EventLoop", "Kafka", "Operations", "PrivateServers", "TestSupport"]),
    tests("OperationsTests", ["EventLoop", "Operations", "TestSupport", "Text"]),
    tests("FaultsTests", ["EventLoop", "Faults", "Operations", "TestSupport"]),
    tests(
      "CouponStoreTests",
      [
        "CouponDomain", "CouponStore", "EventLoop", "Postgres", "Secrets", "TestSupport", "Text",
      ],
      exclude: ["Golden"]),
    tests(
      "CouponAPITests",
      [
        "CouponAPI", "CouponDomain", "CouponStore", "EventLoop", "HTTP", "Operations", "Secrets",
        "TestSupport", "Text",
      ]),
    tests(
      "CouponDatabaseTests",
      [
        "CouponAPI", "CouponDatabase", "CouponDomain", "CouponStore", "EventLoop", "Operations",
        "Postgres", "TestSupport", "Text",
      ]),
    tests(
      "ProgramsTests",
      [
        "CouponAPI", "CouponDomain", "CouponStore", "EventLoop", "Faults", "HTTP", "Operations",
        "Postgres", "Programs", "TestSupport", "Text",
      ]),
    tests(
      "CouponMonolithTests",
      [
        "CouponAPI", "CouponDatabase", "CouponDomain", "CouponMonolith", "CouponStore", "EventLoop",
        "HTTP", "Operations", "Postgres", "PrivateServers", "Programs", "TestSupport", "Text",
      ]),
    tests(
      "CouponEDATests",
      [
        "CouponAPI", "CouponAdmission", "CouponDomain", "CouponLog", "CouponStore", "CouponWorker",
        "EventLoop", "HTTP", "Kafka", "Operations", "Postgres", "PrivateServers", "Redis", "Simulation",
        "TestSupport",
        "Text",
      ],
      // Its simulation runs thousands of schedules.
      settings: settings),
    tests("TerminalTests", ["Terminal", "TestSupport"]),
    tests("HistoryTests", ["CouponDomain", "History", "TestSupport", "Text"]),
    tests("LoadTests", ["History", "Load", "TestSupport"]),
    tests("VerifyTests", ["CouponDomain", "History", "LabTestSupport", "TestSupport", "Text", "Verify"]),
    tests(
      "LaboratoryTests",
      [
        "CouponDomain", "CouponStore", "EventLoop", "History", "Kafka", "LabTestSupport", "Laboratory",
        "Operations", "Postgres", "PrivateServers", "Terminal", "TestSupport", "Text", "Verify",
      ]),
    tests(
      "FiguresTests",
      [
        "CouponDomain", "Figures", "History", "LabTestSupport", "Scenarios", "TestSupport", "Text",
        "Verify",
      ]),
    tests(
      "ScenariosTests",
      [
        "CouponDomain", "Faults", "Figures", "History", "Load", "PrivateServers", "Scenarios", "Terminal",
        "TestSupport", "Verify",
      ]),
    tests(
      "ExperimentsTests",
      [
        "Experiments", "Figures", "Laboratory", "Scenarios", "Terminal", "TestSupport", "Verify",
      ]),
    tests(
      "NemesesTests",
      ["EventLoop", "Nemeses", "PrivateServers", "Redis", "TestSupport"]),
    tests(
      "ReportsTests",
      [
        "CouponDomain", "Experiments", "Faults", "Figures", "History", "LabTestSupport", "Load",
        "Reports", "Scenarios", "Terminal", "TestSupport", "Text", "Verify",
      ]),
    tests(
      "labTests",
      [
        "CouponAPI", "CouponAdmission", "CouponDomain", "CouponLog", "CouponMonolith", "CouponStore",
        "CouponWorker", "EventLoop", "Experiments", "Faults", "Figures", "HTTP", "History", "Kafka",
        "LabTestSupport", "Laboratory", "Load", "Operations", "Postgres", "PrivateServers", "Programs",
        "Redis", "Reports", "Scenarios", "Terminal", "TestSupport", "Text", "Verify", "eda", "lab",
        "monolith",
      ]),
    tests(
      "ContractTests",
      [
        "CouponAPI", "CouponDomain", "CouponLog", "CouponStore", "EventLoop", "HTTP", "Kafka",
        "Operations", "Postgres", "PrivateServers", "Programs", "Redis", "TestSupport", "Text", "eda",
        "monolith",
      ]),
    tests("ArchitectureTests", ["TestSupport"]),
  ],
  // `#embed`
  cLanguageStandard: .c2x
)
