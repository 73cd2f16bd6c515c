import EventLoop
import Laboratory
import PrivateServers

/// What the servers of a laboratory use while they are watched: CPU from the first look to the last, and the most
/// memory of any look.
@LoopActor
final class UsageMeter {
  private struct Server {
    let name: String
    let pid: Int32
    var firstCPU: Double
    var lastCPU: Double
    var peakBytes: Int
  }

  private var servers: [Server]
  private var ticker: Ticker?
  /// What runs now: a part that was started again is another process.
  private let current: (@LoopActor () -> LabState)?

  init(_ state: LabState, current: (@LoopActor () -> LabState)? = nil) {
    self.current = current
    servers = state.parts.map { part in
      let cpu = UsageMeter.cpuSeconds(of: part.process.pid)
      return Server(
        name: UsageMeter.name(of: part.part, state), pid: part.process.pid, firstCPU: cpu, lastCPU: cpu,
        peakBytes: 0)
    }
    ticker = Ticker(every: .seconds(1)) { [weak self] in self?.look() }
  }

  /// The last look.
  func stop() -> [UsageFigures] {
    ticker?.stop()
    ticker = nil
    look()
    var names: [String] = []
    for server in servers where !names.contains(server.name) { names.append(server.name) }
    return names.map { name in
      let lives = servers.filter { $0.name == name }
      let peak = lives.map(\.peakBytes).max() ?? 0
      return UsageFigures(
        name: name, cpuSeconds: lives.map { $0.lastCPU - $0.firstCPU }.reduce(0, +),
        peakMemoryBytes: peak > 0 ? peak : nil)
    }
  }

  private func lookForNew() {
    guard let state = current?() else { return }
    for part in state.parts where part.process.isRunning {
      guard !servers.contains(where: { $0.pid == part.process.pid }) else { continue }
      servers.append(
        Server(
          name: UsageMeter.name(of: part.part, state), pid: part.process.pid, firstCPU: 0, lastCPU: 0,
          peakBytes: 0))
    }
  }

  private func look() {
    lookForNew()
    for index in servers.indices {
      let family = ProcessTable.family(of: servers[index].pid)
      let cpu = family.compactMap { ProcessTable.cpuSeconds(of: $0) }.reduce(0, +)
      servers[index].lastCPU = max(servers[index].lastCPU, cpu)
      let memory = family.compactMap { ProcessTable.residentBytes(of: $0) }
      // What they share is the same for all of them: counted once.
      let bytes = memory.map(\.own).reduce(0, +) + (memory.map(\.shared).max() ?? 0)
      servers[index].peakBytes = max(servers[index].peakBytes, bytes)
    }
  }

  private static func cpuSeconds(of pid: Int32) -> Double {
    ProcessTable.family(of: pid).compactMap { ProcessTable.cpuSeconds(of: $0) }.reduce(0, +)
  }

  private static func name(of part: LabPart, _ state: LabState) -> String {
    switch part {
    case .postgres: "PostgreSQL"
    case .redis: "Redis"
    case .kafka: state.log?.kind == .embedded ? "broker (embedded)" : "Kafka"
    case .monolith: "monolith"
    case .edaAPI: "eda api"
    case .edaWorker: "eda worker"
    }
  }
}
