import Scenarios
import EventLoop
import Foundation
import HTTP
import Faults
import PrivateServers
package import History
import Terminal
import Text

/// Switches in the programs, over their operator's listeners.
extension Lab {
  /// Switches a fault on in all programs of the architecture, or in none.
  ///
  /// - Throws: `LabFailure`, which says where it could not be taken back.
  func switchOn(_ target: FaultTarget, _ spec: FaultSpec, of architecture: Architecture) async throws {
    let path = "/admin/faults/\(target.rawValue)"
    let begun = LabFaultRecord.now
    let ends = target == .coupons ? endsByThemselves(of: architecture) : nil
    do {
      let answer = try await callSwitches(.put, path, body: Array(spec.json.utf8), of: architecture)
      // With the seed that was drawn where none was given.
      let told = SwitchAnswer(answer)?.fault?.rest(for: spec.ttlSeconds) ?? spec
      try keptSwitches.keep(target, told, of: architecture, since: begun, ends: ends)
    } catch let failure as LabFailure {
      keptSwitches.forget(target, of: architecture)
      guard let part = operatedPart(of: architecture) else { throw failure }
      // 502: off in this program; a peer that missed this call missed the other one, too, or heals by itself.
      let answer = try? await Operator(part, of: state).call(.delete, path)
      let isOff = answer.map { [200, 404, 502].contains($0.status) } ?? false
      throw LabFailure(
        failure.description
          + (isOff
            ? " It was switched off again."
            : " It may be on in the \(part.part.rawValue): lab fault heal switches it off."))
    }
  }

  /// - Returns: how often the fault had bitten, in all programs of the architecture.
  func switchOff(_ target: FaultTarget, of architecture: Architecture) async throws -> Int {
    let kept = keptSwitches.forget(target, of: architecture)
    var earlier = kept?.bites ?? 0
    // What a program had counted that has ended of it is lost; each such end is one.
    if let before = kept?.endsBefore { earlier += max(0, endsByThemselves(of: architecture) - before) }
    // What does not run has no switch.
    guard operatedPart(of: architecture) != nil else { return earlier }
    let answer = try await callSwitches(.delete, "/admin/faults/\(target.rawValue)", of: architecture)
    return earlier + (SwitchAnswer(answer)?.bites ?? 0)
  }

  /// How often the programs that record coupons have ended by themselves: as their keepers say; without one, whether they
  /// have.
  private func endsByThemselves(of architecture: Architecture) -> Int {
    let part: LabPart = architecture == .monolith ? .monolith : .edaWorker
    guard let known = state.part(part) else { return 0 }
    if known.isKept == true { return KeeperNote.read(folder, part)?.ends ?? 0 }
    return known.process.isRunning ? 0 : 1
  }

  /// What the switches of an architecture show; empty where none of its programs runs.
  package func switches(
    of architecture: Architecture
  ) async throws -> [(program: String, faults: [SwitchState])] {
    guard let part = operatedPart(of: architecture) else { return [] }
    let body = try await callSwitches(.get, "/admin/faults", of: architecture)
    guard let answer = SwitchAnswer(body), let faults = answer.faults else {
      throw LabFailure("the \(part.part.rawValue)'s switches cannot be read: \(Operator.oneLine(body))")
    }
    return [(part.part.rawValue, faults)]
      + (answer.peers ?? []).compactMap { peer in
        guard let faults = peer.answer?.faults else { return nil }
        let program = state.parts.first { $0.operatorAddress.description == peer.peer }?.part.rawValue
        return (program ?? peer.peer, faults)
      }
  }

  /// Everything that is switched on, in all programs.
  package func clearSwitches() async throws {
    keptSwitches.forgetAll()
    for architecture in Architecture.allCases where operatedPart(of: architecture) != nil {
      _ = try await callSwitches(.delete, "/admin/faults", of: architecture)
    }
  }

  var keptSwitches: KeptSwitches { KeptSwitches(folder) }

  /// A restarted program has no switch on. It gets back what is left of this laboratory's switches, and what the other
  /// program of its architecture has from elsewhere, so that an outage is the same for both.
  func putBackSwitches(in part: LabPart) async throws {
    guard let architecture = part.architecture, let program = state.part(part) else { return }
    var known: Set<String> = []
    for kept in keptSwitches.all(of: architecture) {
      known.insert(kept.target.rawValue)
      // It has had this one since its start.
      if kept.target == .coupons { continue }
      guard let spec = kept.rest(at: LabFaultRecord.now) else { continue }
      try await putBack(kept.target.rawValue, spec, in: program)
    }
    let other: LabPart? = part == .edaAPI ? .edaWorker : part == .edaWorker ? .edaAPI : nil
    guard let other, let source = state.part(other), source.process.isRunning, !source.process.isStopped
    else { return }
    let answer = try await Operator(source, of: state).call(.get, "/admin/faults", headers: Lab.alone)
    for fault in SwitchAnswer(answer.body)?.faults ?? [] where !known.contains(fault.target) {
      guard let spec = fault.rest(for: fault.remainingSeconds) else { continue }
      try await putBack(fault.target, spec, in: program)
    }
  }

  /// A program that does not ask its peers.
  private static let alone = [("X-TimeAttack-Forwarded", "1")]

  private func putBack(_ target: String, _ spec: FaultSpec, in program: LabState.Part) async throws {
    let answer = try await Operator(program, of: state).call(
      .put, "/admin/faults/\(target)", body: Array(spec.json.utf8), headers: Lab.alone)
    // 404: it does not use that server.
    guard answer.status == 200 || answer.status == 404 else {
      throw LabFailure(
        "the \(program.part.rawValue) runs again without its \(target) switch: "
          + Operator.oneLine(answer.body))
    }
  }

  /// Saves the switches' counts before a program is killed, which loses them.
  func keepBites(of part: LabPart) async {
    guard let architecture = part.architecture, let program = state.part(part), program.adminPort > 0,
      !program.process.isStopped, !keptSwitches.all(of: architecture).isEmpty,
      let answer = try? await Operator(program, of: state).call(
        .get, "/admin/faults", headers: Lab.alone, within: .milliseconds(500)),
      let faults = SwitchAnswer(answer.body)?.faults
    else { return }
    for fault in faults where fault.bites > 0 {
      guard let target = FaultTarget(rawValue: fault.target) else { continue }
      try? keptSwitches.add(bites: fault.bites, to: target, of: architecture)
    }
  }

  /// The program whose operator's listener reaches the others of its architecture.
  package func operatedPart(of architecture: Architecture) -> LabState.Part? {
    let parts: [LabPart] = architecture == .monolith ? [.monolith] : [.edaAPI, .edaWorker]
    return parts.lazy.compactMap { self.state.part($0) }.first { $0.process.isRunning && $0.adminPort > 0 }
  }

  private func callSwitches(
    _ method: HTTPMethod, _ path: String, body: [UInt8] = [], of architecture: Architecture
  ) async throws -> [UInt8] {
    guard let part = operatedPart(of: architecture) else {
      throw LabFailure("the \(architecture.rawValue) is not running; start it with lab up")
    }
    let deadline = Instant.now + Lab.patienceWithKept
    while true {
      do {
        let answer = try await Operator(part, of: state).call(method, path, body: body)
        switch answer.status {
        case 200: return answer.body
        // A worker that is known to be down has no switch.
        case 502 where part.part == .edaAPI && !isServing(.edaWorker): return answer.body
        default:
          let problem = try? JSONDecoder().decode(SwitchProblem.self, from: Data(answer.body))
          throw LabFailure(problem.map { $0.detail ?? $0.title } ?? Operator.oneLine(answer.body))
        }
      } catch {
        // A program that ends again and again: started again, it has what is switched on by then.
        let kept = state.parts.filter { $0.part.architecture == architecture && $0.isKept == true }
        if kept.contains(where: { $0.part == part.part && !isServing($0.part) }) { return [] }
        guard !kept.isEmpty, Instant.now < deadline else { throw error }
        await EventLoop.shared.sleep(for: .milliseconds(20))
      }
    }
  }

  /// A program that its keeper has just started does not listen yet.
  private static let patienceWithKept = Duration.seconds(3)

  /// Whether the program itself runs, and not only its keeper.
  private func isServing(_ part: LabPart) -> Bool {
    guard let known = state.part(part), known.process.isRunning else { return false }
    return known.isKept != true || KeeperNote.read(folder, part)?.program.isRunning ?? false
  }
}

/// One switch as the operator's calls show it.
package struct SwitchState: Decodable {
  package let target: String
  let kind: String?
  let latencyMs: Int?
  let rate: Double?
  let seed: UInt64?
  let stallMs: Int?
  let prefix: String?
  let every: Int?
  let remainingSeconds: Double
  package let bites: Int

  /// The same fault for another time; nil where nothing is on.
  func rest(for seconds: Double) -> FaultSpec? {
    guard let kind = kind.flatMap({ FaultKind(rawValue: $0) }) else { return nil }
    return try? FaultSpec(
      kind: kind, latencyMs: latencyMs, rate: rate, ttlSeconds: seconds, seed: seed,
      stallMs: stallMs, prefix: prefix, every: every)
  }

  /// As in `latency 300 ms, 4.2 s left`.
  package var words: String {
    guard let kind else { return "off" }
    var words = kind
    if let latencyMs { words += " \(latencyMs) ms" }
    if let rate { words += " \(rate)" }
    if let seed { words += " (seed \(seed))" }
    if let stallMs { words += " \(stallMs) ms" }
    if let choice = rest(for: 1)?.choice, FaultTarget.coupons.rawValue == target { words += " (\(choice))" }
    return words + ", \(remainingSeconds.tenths) s left"
  }
}

/// What the operator's calls answer: a list of all switches or a single one, with the answers of the other programs.
private struct SwitchAnswer: Decodable {
  struct Peer: Decodable {
    let peer: String
    let answer: SwitchAnswer?
  }
  let faults: [SwitchState]?
  let fault: SwitchState?
  let peers: [Peer]?

  init?(_ body: [UInt8]) {
    guard let answer = try? JSONDecoder().decode(SwitchAnswer.self, from: Data(body)) else { return nil }
    self = answer
  }

  var bites: Int { (fault?.bites ?? 0) + (peers ?? []).reduce(0) { $0 + ($1.answer?.bites ?? 0) } }
}

private struct SwitchProblem: Decodable {
  let title: String
  let detail: String?
}
