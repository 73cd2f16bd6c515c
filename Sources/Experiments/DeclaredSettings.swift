import CouponWorker
import CouponEDA
import CouponAdmission
import Scenarios
import CouponMonolith
import History
package import Laboratory
import Operations
package import Terminal

/// The settings that a program declares: their allowed values and defaults.
package struct DeclaredSettings {
  private let declarations: [String: SettingDeclaration]

  /// Of a part that is one of our programs; a server has none.
  package init(of part: LabPart) {
    let all =
      switch part {
      case .monolith: MonolithSettings.declarations
      case .edaAPI: APISettings.declarations
      case .edaWorker: WorkerSettings.declarations
      case .kafka: BrokerSettings.declarations
      case .postgres, .redis: [SettingDeclaration]()
      }
    declarations = Dictionary(all.map { ($0.key, $0) }) { first, _ in first }
  }

  /// Of all the ways to run an architecture's programs.
  static func all(of architecture: Architecture) -> [DeclaredSettings] {
    (architecture == .monolith ? [LabPart.monolith] : [.edaAPI, .edaWorker]).map(DeclaredSettings.init)
  }

  /// What a program works with: what it was given, else the default; without secrets and what may hold one.
  func effective(_ environment: [String: String]) -> [String: String] {
    declarations.compactMapValues { setting in
      let isSecret =
        setting.type.hasPrefix("secret")
        || ["_URL", "_TOKEN", "_KEY"].contains(where: setting.key.hasSuffix)
      guard !isSecret else { return nil }
      if let given = environment[setting.key], !given.isEmpty { return given }
      return setting.standard.map { $0.isEmpty ? "empty" : $0 } ?? "not set"
    }
  }

  func has(_ key: String) -> Bool { declarations[key] != nil }

  /// What is wrong with a setting; nil where nothing is, or where a program has no such setting.
  package func problem(_ key: String, _ value: String) -> String? {
    guard let type = declarations[key]?.type else { return nil }
    if type.contains("|") {
      let names = (type == "on|off" ? "on|off|true|false|1|0" : type).split(separator: "|").map(String.init)
      return names.contains(value) ? nil : "must be one of \(names.joined(separator: ", ")), not “\(value)”"
    }
    let bounds = type.prefix { $0 != " " }.split(separator: "…").compactMap { Int($0) }
    guard bounds.count == 2, bounds[0] <= bounds[1] else { return nil }
    if let number = Int(value), (bounds[0]...bounds[1]).contains(number) { return nil }
    return "must be a number in \(type), not “\(value)”"
  }
}

extension Scenario.Variant {
  /// What all its programs are told, the strategy among it.
  package var programSettings: [String: String] {
    settings.merging(strategy.map { ["COUPON_STRATEGY": $0] } ?? [:]) { $1 }
  }

  /// - Throws: `UsageError` for a setting that no program of the architecture has, or that it would refuse.
  package func checkSettings(_ declared: [DeclaredSettings]) throws(UsageError) {
    for (key, value) in programSettings.sorted(by: { $0.key < $1.key }) {
      let isKnown = declared.contains { $0.has(key) }
      let problem = isKnown ? declared.lazy.compactMap { $0.problem(key, value) }.first : unknownSetting
      guard let problem else { continue }
      throw places[key]?.problem(problem) ?? UsageError("\(name): \(key) \(problem)")
    }
  }

  private var unknownSetting: String {
    let program = architecture == .eda ? "eda api" : "monolith"
    return "is not a setting of the \(architecture.rawValue); \(program) --help lists them"
  }
}
