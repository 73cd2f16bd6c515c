package import History
package import Terminal

/// The arguments of one command: each reader removes what it has read; `finish()` rejects the rest.
///
/// Options are written `--only eda` or `--only=eda`.
package struct CommandArguments: Sendable {
  private var rest: [String]

  package init(_ list: [String]) { rest = list }

  /// Whether a switch is there, under any of its names.
  package mutating func flag(_ names: String...) -> Bool {
    let before = rest.count
    rest.removeAll { names.contains($0) }
    return rest.count < before
  }

  /// Whether an option is given, with whatever value.
  package func has(_ name: String) -> Bool { rest.contains { $0 == name || $0.hasPrefix(name + "=") } }

  /// The value of an option; nil where it is not given.
  package mutating func option(_ name: String) throws(UsageError) -> String? {
    guard let index = rest.firstIndex(where: { $0 == name || $0.hasPrefix(name + "=") }) else { return nil }
    let found = rest.remove(at: index)
    var value = String(found.dropFirst(name.count + 1))
    if found == name {
      guard index < rest.count, !rest[index].hasPrefix("--") else {
        throw UsageError("\(name) needs a value")
      }
      value = rest.remove(at: index)
    }
    guard !rest.contains(where: { $0 == name || $0.hasPrefix(name + "=") }) else {
      throw UsageError("\(name) is given twice")
    }
    guard !value.isEmpty else { throw UsageError("\(name) needs a value") }
    return value
  }

  package mutating func choice(_ name: String, of values: [String]) throws(UsageError) -> String? {
    guard let value = try option(name) else { return nil }
    guard values.contains(value) else {
      throw UsageError("\(name) must be one of \(values.joined(separator: ", ")), not “\(value)”")
    }
    return value
  }

  package mutating func number<Number: LosslessStringConvertible & Comparable>(
    _ name: String, in range: ClosedRange<Number>
  ) throws(UsageError) -> Number? {
    guard let value = try option(name) else { return nil }
    guard let number = Number(value), range.contains(number) else {
      throw UsageError("\(name) must be a number in \(range.lowerBound)…\(range.upperBound), not “\(value)”")
    }
    return number
  }

  /// `--only monolith|eda`.
  package mutating func architecture() throws(UsageError) -> Architecture? {
    try choice("--only", of: Architecture.allCases.map(\.rawValue)).flatMap { Architecture(rawValue: $0) }
  }

  /// `--seed N`.
  package mutating func seed() throws(UsageError) -> UInt64? {
    guard let text = try option("--seed") else { return nil }
    guard let seed = UInt64(text) else {
      throw UsageError("--seed must be a whole number, not “\(text)”")
    }
    return seed
  }

  /// The next argument that is no option; nil where none is left. Options come before it are read first.
  package mutating func positional() -> String? {
    guard let index = rest.firstIndex(where: { !$0.hasPrefix("-") || $0 == "-" }) else { return nil }
    return rest.remove(at: index)
  }

  package mutating func positionals() -> [String] {
    var found: [String] = []
    while let next = positional() { found.append(next) }
    return found
  }

  /// - Throws: `UsageError`, which names the first argument that no reader has taken.
  package func finish() throws(UsageError) {
    guard let first = rest.first else { return }
    throw UsageError(first.hasPrefix("-") ? "unknown option \(first)" : "unexpected argument “\(first)”")
  }
}
