import Figures
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
    /// CPU seconds; what it had used before the first look is not the load's.
    var firstCPU = 0.0
    var lastCPU = 0.0
    var peakBytes = 0
  }

  private var servers: [Server] = []
  private var ticker: Ticker?
  /// What runs now: a part that was started again is another process.
  private let current: @LoopActor () -> LabState

  init(_ current: @escaping @LoopActor () -> LabState) {
    self.current = current
    look()
    for index in servers.indices { servers[index].firstCPU = servers[index].lastCPU }
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

  private func look() {
    let state = current()
    for part in state.parts where part.process.isRunning {
      guard !servers.contains(where: { $0.pid == part.process.pid }) else { continue }
      servers.append(Server(name: UsageMeter.name(of: part.part, state), pid: part.process.pid))
    }
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
