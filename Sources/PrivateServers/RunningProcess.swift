internal import Foundation

/// A process identified by its number and its start: numbers are reused, the pair is not.
package struct RunningProcess: Codable, Hashable, Sendable {
  package let pid: Int32
  /// As the system reports it; only compared for equality.
  package let began: String

  package init(pid: Int32, began: String) { (self.pid, self.began) = (pid, began) }

  /// Nil if no such process runs.
  package init?(pid: Int32) {
    guard let began = ProcessTable.beginning(of: pid) else { return nil }
    self.init(pid: pid, began: began)
  }

  package var isRunning: Bool { ProcessTable.beginning(of: pid) == began }

  /// Whether a signal has stopped it (SIGSTOP) and none has continued it.
  package var isStopped: Bool { isRunning && ProcessTable.isStopped(pid) }

  /// Does nothing once the process has ended, even if another process has its number.
  package func signal(_ number: Int32) {
    if isRunning { _ = kill(pid, number) }
  }

  /// Signals the process and all its descendants.
  ///
  /// The process is signalled first, so that it starts no new children; a second pass finds those it started
  /// meanwhile.
  package func signalTree(_ number: Int32) {
    guard isRunning else { return }
    var known: Set<Int32> = []
    var family = ProcessTable.descendants(of: pid)
    _ = kill(pid, number)
    while !family.isEmpty {
      for child in family { _ = kill(child, number) }
      known.formUnion(family)
      family = ProcessTable.descendants(of: pid).filter { !known.contains($0) }
    }
  }
}

/// What the system reports about its processes.
package enum ProcessTable {
  /// It has ended, and its number is still in use.
  static func isUncollected(_ pid: Int32) -> Bool { kill(pid, 0) == 0 && beginning(of: pid) == nil }

  #if os(Linux)
    /// The boot and the tick at which the process started; nil if it has ended, even if it was not collected
    /// yet.
    static func beginning(of pid: Int32) -> String? {
      guard let status = statistics(of: pid), status.state != "Z", status.state != "X" else { return nil }
      return "\(boot)+\(status.began)"
    }

    static func isStopped(_ pid: Int32) -> Bool { statistics(of: pid)?.state == "T" }

    package static func descendants(of ancestor: Int32) -> [Int32] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
      let parents = names.compactMap { name -> (pid: Int32, parent: Int32)? in
        guard let pid = Int32(name), let status = statistics(of: pid) else { return nil }
        return (pid, status.parent)
      }
      return closure(of: ancestor, parents)
    }

    private static let boot =
      (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?.prefix(8) ?? ""

    /// `/proc/PID/stat`: the name may hold blanks and parentheses, so fields are counted after it.
    private static func statistics(of pid: Int32) -> (state: Substring, parent: Int32, began: Substring)? {
      guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .isoLatin1),
        let end = text.lastIndex(of: ")")
      else { return nil }
      let fields = text[text.index(after: end)...].split(separator: " ")
      guard fields.count > 19, let parent = Int32(fields[1]) else { return nil }
      return (fields[0], parent, fields[19])
    }
  #else
    static func beginning(of pid: Int32) -> String? {
      guard let info = information(of: pid), info.pbi_status != UInt32(SZOMB) else { return nil }
      return "\(info.pbi_start_tvsec).\(info.pbi_start_tvusec)"
    }

    static func isStopped(_ pid: Int32) -> Bool { information(of: pid)?.pbi_status == UInt32(SSTOP) }

    package static func descendants(of ancestor: Int32) -> [Int32] {
      var pids = [pid_t](repeating: 0, count: 16_384)
      let count = proc_listallpids(&pids, Int32(pids.count * MemoryLayout<pid_t>.stride))
      let parents = pids.prefix(Int(max(0, count))).compactMap { pid -> (pid: Int32, parent: Int32)? in
        information(of: pid).map { (pid, Int32(bitPattern: $0.pbi_ppid)) }
      }
      return closure(of: ancestor, parents)
    }

    private static func information(of pid: Int32) -> proc_bsdinfo? {
      var info = proc_bsdinfo()
      let size = Int32(MemoryLayout<proc_bsdinfo>.size)
      return proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, size) == size ? info : nil
    }
  #endif

  private static func closure(of ancestor: Int32, _ parents: [(pid: Int32, parent: Int32)]) -> [Int32] {
    let children = Dictionary(grouping: parents, by: \.parent)
    var found: [Int32] = []
    var open = [ancestor]
    while let next = open.popLast() {
      let below = (children[next] ?? []).map(\.pid).filter { $0 != next }
      found += below
      open += below
    }
    return found
  }
}
