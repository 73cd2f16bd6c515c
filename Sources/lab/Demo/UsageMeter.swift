import EventLoop
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

  init(_ state: LabState) {
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
    return servers.map {
      UsageFigures(
        name: $0.name, cpuSeconds: $0.lastCPU - $0.firstCPU,
        peakMemoryBytes: $0.peakBytes > 0 ? $0.peakBytes : nil)
    }
  }

  private func look() {
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
