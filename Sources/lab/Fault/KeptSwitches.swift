import Foundation
package import Faults
import PrivateServers

/// The switches that this laboratory has put on, so that a program that is started again gets back what is left of them:
/// a file each (`switches/eda-redis.json`), for commands that switch do not hold the folder's lock.
package struct KeptSwitches: Sendable {
  private let folder: String

  package init(_ folder: LabFolder) { self.folder = folder.path + "/switches" }

  /// A switch, and what programs had counted of it that were killed meanwhile.
  package struct Kept: Codable, Hashable, Sendable {
    package var target: FaultTarget
    var kind: String
    var latencyMs: Int?
    var rate: Double?
    var seed: UInt64?
    /// Wall clock, milliseconds since 1970.
    var until: Int64
    package var bites = 0

    /// What is left of it; nil where it has healed.
    package func rest(at now: Int64) -> FaultSpec? {
      guard let kind = FaultKind(rawValue: kind), until > now else { return nil }
      return try? FaultSpec(
        kind: kind, latencyMs: latencyMs, rate: rate, ttlSeconds: Double(until - now) / 1_000, seed: seed)
    }
  }

  /// Takes the place of what was on at that target.
  package func keep(
    _ target: FaultTarget, _ spec: FaultSpec, of architecture: Architecture, since begun: Int64
  ) throws {
    try write(
      Kept(
        target: target, kind: spec.kind.rawValue, latencyMs: spec.latencyMs, rate: spec.rate, seed: spec.seed,
        until: begun + Int64(spec.ttlSeconds * 1_000)), architecture)
  }

  /// With those that have healed and that nobody has switched off.
  package func all(of architecture: Architecture) -> [Kept] {
    FaultTarget.allCases.compactMap { read($0, architecture) }
  }

  package func add(bites: Int, to target: FaultTarget, of architecture: Architecture) throws {
    guard var kept = read(target, architecture) else { return }
    kept.bites += bites
    try write(kept, architecture)
  }

  /// - Returns: what it was; nil where nothing was on.
  @discardableResult
  package func forget(_ target: FaultTarget, of architecture: Architecture) -> Kept? {
    let kept = read(target, architecture)
    try? FileManager.default.removeItem(atPath: file(target, architecture))
    return kept
  }

  /// Of every architecture: no program has a switch any more.
  package func forgetAll() { try? FileManager.default.removeItem(atPath: folder) }

  private func file(_ target: FaultTarget, _ architecture: Architecture) -> String {
    "\(folder)/\(architecture.rawValue)-\(target.rawValue).json"
  }

  private func read(_ target: FaultTarget, _ architecture: Architecture) -> Kept? {
    FileManager.default.contents(atPath: file(target, architecture))
      .flatMap { try? JSONDecoder().decode(Kept.self, from: $0) }
  }

  private func write(_ kept: Kept, _ architecture: Architecture) throws {
    try ServerFiles.makeFolder(folder)
    try JSONEncoder().encode(kept).write(
      to: URL(fileURLWithPath: file(kept.target, architecture)), options: .atomic)
  }
}
