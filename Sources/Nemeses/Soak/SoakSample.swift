import EventLoop
import Foundation
import Laboratory
import PrivateServers

/// What one program or server uses at one moment.
package struct SoakSample: Codable, Hashable, Sendable {
  /// Seconds since the soak began.
  package var seconds: Double
  package var name: String
  /// Resident memory of its own, all its processes together.
  package var memoryBytes: Int
  package var descriptors: Int
  /// What it has written: a program's log, a server's data.
  package var diskBytes: Int
  /// Coupons and bookings that had been written by then, by everybody.
  package var rows: Int

  package init(seconds: Double, name: String, memoryBytes: Int, descriptors: Int, diskBytes: Int, rows: Int) {
    (self.seconds, self.name, self.memoryBytes) = (seconds, name, memoryBytes)
    (self.descriptors, self.diskBytes, self.rows) = (descriptors, diskBytes, rows)
  }
}

/// Looks at the processes of a laboratory.
@LoopActor
struct SoakLook {
  let state: LabState
  let folder: LabFolder

  func samples(at seconds: Double, rows: Int) -> [SoakSample] {
    state.running.map { part in
      let family = ProcessTable.family(of: part.process.pid)
      let memory = family.compactMap { ProcessTable.residentBytes(of: $0)?.own }.reduce(0, +)
      return SoakSample(
        seconds: (seconds * 10).rounded() / 10, name: part.part.rawValue, memoryBytes: memory,
        descriptors: family.map(descriptors).reduce(0, +), diskBytes: disk(of: part.part), rows: rows)
    }
  }

  private func descriptors(_ pid: Int32) -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd"))?.count ?? 0
  }

  /// A server's data without its write-ahead log, which is bounded by a setting and reused; a program's log.
  private func disk(of part: LabPart) -> Int {
    switch part {
    case .postgres:
      PrivatePostgres.dataFolder(in: folder.path).map { bytes(under: $0, without: "pg_wal") } ?? 0
    case .redis: bytes(under: folder.path + "/redis", without: nil)
    case .kafka where state.log?.kind == .installed: bytes(under: folder.path + "/kafka", without: nil)
    case .kafka, .monolith, .edaAPI, .edaWorker: Int(ServerFiles.size(of: folder.log(of: part)))
    }
  }

  private func bytes(under path: String, without name: String?) -> Int {
    guard let files = FileManager.default.enumerator(atPath: path) else { return 0 }
    var sum = 0
    for case let file as String in files {
      if let name, file.split(separator: "/").contains(Substring(name)) { continue }
      sum +=
        (files.fileAttributes?[.type] as? FileAttributeType) == .typeRegular
        ? (files.fileAttributes?[.size] as? NSNumber)?.intValue ?? 0 : 0
    }
    return sum
  }
}
