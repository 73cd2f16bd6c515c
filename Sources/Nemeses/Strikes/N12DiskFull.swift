import History
import Scenarios
import Foundation
import Laboratory
import PrivateServers
import Terminal

extension Nemesis {
  /// A full disk refuses what is new and forgets nothing of what was promised.
  static let diskFull = Nemesis(
    "N12", "no space on the database's disk, and on Kafka's if one is installed", seconds: 14
  ) { arena in
    try await arena.until(1.5)
    if let disk = arena.disks[.postgres] {
      try await arena.full(disk, .database, 3)
      // It ends itself where it cannot write what it must.
      if !arena.lab.isRunning(.postgres) { try await arena.lab.restart(.database) }
    }
    guard arena.has(.eda) else { return }
    guard let disk = arena.disks[.kafka] else {
      return arena.skip("Kafka's disk: the embedded broker has none; --kafka installed has one")
    }
    try await arena.sleep(1.5)
    try await arena.full(disk, .kafka, 3)
    if !arena.lab.isRunning(.kafka) { try await arena.lab.restart(.kafka) }
  }.with {
    $0.needsFreshLaboratory = true
    $0.missing = { _ in await SmallDisk.missing() }
    $0.prepare = { arena, up in
      try await arena.makeDisk(.postgres, try PrivatePostgres.makeDataFolder(in: arena.lab.folder.path), 320)
      try PrivatePostgres.giveDataFolder(in: arena.lab.folder.path)
      if up.installedKafka { try await arena.makeDisk(.kafka, arena.lab.folder.path + "/kafka", 96) }
    }
  }
}

extension Arena {
  fileprivate func makeDisk(_ part: LabPart, _ path: String, _ mebibytes: Int) async throws {
    let disk = try await SmallDisk.mount(at: path, mebibytes: mebibytes)
    disks[part] = disk
    atEnd { await disk.unmount() }
  }

  /// Not an outage: what needs no room goes on.
  fileprivate func full(_ disk: SmallDisk, _ part: FaultedPart, _ seconds: Double) async throws {
    let first = blows.count
    try await severed("no room on the disk of the \(part.rawValue)", part, seconds) {
      disk.fill()
    } end: {
      disk.empty()
    }
    for index in blows.indices.dropFirst(first) {
      blows[index].isOutage = false
      // Nothing but the worker writes there for the event-driven version.
      if part == .database, blows[index].architecture == .eda { blows[index].count = .lag }
    }
  }
}
