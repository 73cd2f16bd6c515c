import History
import Scenarios
import EventLoop
import Laboratory
import Verify

extension Nemesis {
  /// The database goes back in time: the log gives back what it has forgotten. (The monolith has nothing that could: what
  /// it promised since is lost, which is why it is not asked.)
  static let databaseFailover = Nemesis(
    "N16", "the database's name moves to a streaming replica that lags by 2 s", of: [.eda], seconds: 14
  ) { arena in
    guard let relay = arena.relays[.postgres], let standby = arena.standby,
      let server = arena.lab.state.database
    else { return }
    try await arena.until(2)
    standby.lag()
    try await arena.sleep(2)
    let before = try await arena.issued()
    _ = try await arena.lab.apply(.kill(.database), to: .eda)
    let from = arena.nowForCertain
    try await standby.takeOver()
    let port = arena.lab.state.part(.postgres)?.port ?? 0
    let url = server.url.replacing(":\(port)/", with: ":\(standby.port)/")
    // It is dead and stays so: what is asked for from here on is the other one.
    try arena.lab.update { state in
      state.database?.url = url
      state.parts.removeAll { $0.part == .postgres }
    }
    let after = try await arena.issued()
    let to = arena.now
    relay.move(to: SocketAddress(numericHost: "127.0.0.1", port: standby.port))
    arena.blows.append(
      Blow(
        name: "a replica took over that had forgotten \(max(0, before - after)) of \(before) coupons",
        target: .database,
        architecture: .eda, isOutage: false, from: from, to: to, count: .given(max(0, before - after)),
        isSurvived: true))
  }.with {
    $0.needsFreshLaboratory = true
    $0.wire = { arena in
      guard let server = arena.lab.state.database, let part = arena.lab.state.part(.postgres) else {
        return [:]
      }
      let standby = try await PostgresStandby.start(
        of: server.url, port: part.port, log: arena.lab.folder.logs + "/standby.log")
      arena.standby = standby
      arena.atEnd { await standby.stop() }
      return try arena.relayDatabase()
    }
  }
}
