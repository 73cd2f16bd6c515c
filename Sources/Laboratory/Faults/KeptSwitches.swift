import Foundation
package import Faults
import PrivateServers
package import History

/// The switches that this laboratory has turned on, for a restarted program to get back what is left of them. One file
/// each (`switches/eda-redis.json`): commands that switch do not hold the folder's lock.
package struct KeptSwitches: Sendable {
  private let folder: String

  package init(_ folder: LabFolder) { self.folder = folder.path + "/switches" }

  /// A switch, with the bites counted by programs that have been killed since.
  package struct Kept: Codable, Hashable, Sendable {
    package var target: FaultTarget
    var kind: FaultKind
    var latencyMs: Int?
    var rate: Double?
    var seed: UInt64?
    var stallMs: Int?
    var prefix: String?
    var every: Int?
    /// Wall clock, milliseconds since 1970.
    var until: Int64
    package var bites = 0
    /// How often programs had ended by themselves when it was switched on.
    var endsBefore: Int?

    /// What is left of it; nil where it has healed.
    package func rest(at now: Int64) -> FaultSpec? {
      guard until > now else { return nil }
      return try? FaultSpec(
        kind: kind, latencyMs: latencyMs, rate: rate, ttlSeconds: Double(until - now) / 1_000, seed: seed,
        stallMs: stallMs, prefix: prefix, every: every)
    }
  }

  /// Replaces the target's earlier switch.
  package func keep(
    _ target: FaultTarget, _ spec: FaultSpec, of architecture: Architecture, since begun: Int64,
    ends: Int? = nil
  ) throws {
    try write(
      Kept(
        target: target, kind: spec.kind, latencyMs: spec.latencyMs, rate: spec.rate, seed: spec.seed,
        stallMs: spec.stallMs, prefix: spec.prefix, every: spec.every,
        until: begun + Int64(spec.ttlSeconds * 1_000), endsBefore: ends), architecture)
  }

  /// What a program that is started now has for its switch `coupons`, from its first request on; nil where nothing is on,
  /// or it records no coupons.
  package func bug(of part: LabPart) -> FaultSpec? {
    guard let architecture = part.architecture, part != .edaAPI else { return nil }
    return read(.coupons, architecture)?.rest(at: LabFaultRecord.now)
  }

  /// Includes switches that have expired and were not switched off.
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
