import CouponDomain
import CouponStore
import EventLoop
import History
import Laboratory
import Postgres
import PrivateServers
import Terminal

extension LabCommand {
  static let rebuild = LabCommand(
    "rebuild", "rebuild the projections from the events and compare (exit code 1 if they differ)",
    usage: "[--only monolith|eda] [--apply]  |  rebuild --log  |  rebuild --dead-letters",
    options: [
      ("--only monolith|eda", "only this architecture"),
      ("--apply", "replace coupon, policy_day and policy with the rebuilt rows"),
      (
        "--log",
        "fill a new topic from the events table, after what the topic holds of policies that are not in the table; stop the "
          + "event-driven programs first"
      ),
      (
        "--dead-letters",
        "decide dead letters again, and correct the rows of their partitions from the log; stop the event-driven programs "
          + "first"
      ),
    ]
  ) { arguments, folder in
    let only = try arguments.architecture()
    let apply = arguments.flag("--apply")
    let log = arguments.flag("--log")
    let deadLetters = arguments.flag("--dead-letters")
    try arguments.finish()
    guard !(log || deadLetters) || !(apply || only == .monolith || log && deadLetters) else {
      throw UsageError(
        "--log and --dead-letters are for the event-driven version, one at a time and without --apply"
      )
    }
    let lab = try Lab.open(folder, interrupt: .shared)
    guard lab.state.database != nil else { throw LabFailure("there is no laboratory in \(folder.path)") }
    return try await lab.withServers(log: log || deadLetters) {
      if log { return try await lab.rebuildLog() }
      if deadLetters { return try await lab.rebuildDeadLetters() }
      return try await lab.rebuildProjections(only, apply: apply)
    }
  }
}

extension Lab {
  fileprivate func rebuildProjections(_ only: Architecture?, apply: Bool) async throws -> Int32 {
    var differences = 0
    for architecture in Architecture.allCases where only == nil || architecture == only {
      let pool = try state.pool(of: architecture, size: 2)
      defer { EventLoop.shared.spawn { await pool.close() } }
      guard try await DatabaseReader(pool).hasTables() else {
        Terminal.line("\(architecture.rawValue): no tables yet")
        continue
      }
      let progress = PhaseProgress("rebuild: \(architecture.rawValue)")
      defer { progress.abandon() }
      let rebuild = ProjectionRebuild(pool)
      let outcome = apply ? try await rebuild.apply() : try await rebuild.compare()
      progress.end()
      for line in outcome.lines.prefix(20) { Terminal.line("  " + line) }
      let found =
        outcome.differences == 0 ? "no difference" : "\(Numbers.count(outcome.differences)) differences"
      Terminal.line(
        "\(architecture.rawValue): \(Numbers.count(outcome.policies)) policies, "
          + "\(Numbers.count(outcome.coupons)) coupons: \(found)\(apply ? "; replaced" : "")")
      differences += outcome.differences
    }
    return differences == 0 || apply ? 0 : 1
  }

  private func programsMustNotRun() throws(LabFailure) {
    guard !isRunning(.edaAPI), !isRunning(.edaWorker) else {
      throw LabFailure("the event-driven programs are running; stop them with lab down")
    }
  }

  fileprivate func rebuildDeadLetters() async throws -> Int32 {
    try programsMustNotRun()
    guard let log = state.log, log.kind != .embedded else {
      throw LabFailure(
        "the embedded broker does not keep its log; lab up fills it from the events table")
    }
    guard let key = CouponKey(state.couponKey) else {
      throw LabFailure("the laboratory's COUPON_KEY is too short")
    }
    let pool = try state.pool(of: .eda, size: 2)
    defer { EventLoop.shared.spawn { await pool.close() } }
    let progress = PhaseProgress("rebuild: dead letters")
    defer { progress.abandon() }
    let outcome = try await DeadLetterRebuild(pool, log, topic: state.topic, key: key).run()
    progress.end()
    for line in outcome.lines.prefix(20) { Terminal.line("  " + line) }
    Terminal.line(
      "\(Numbers.count(outcome.before)) dead letters were decided again, \(Numbers.count(outcome.after)) remain: "
        + "\(Numbers.count(outcome.added)) coupons added, \(Numbers.count(outcome.changed)) with another rank, "
        + "\(Numbers.count(outcome.removed)) removed")
    return 0
  }

  fileprivate func rebuildLog() async throws -> Int32 {
    try programsMustNotRun()
    guard let log = state.log, log.kind != .embedded else {
      throw LabFailure("an embedded broker is filled by lab up, before its API opens")
    }
    let events = try await fillLog(log)
    Terminal.line("the log holds \(Numbers.count(events)) events; lab up continues from there")
    return 0
  }
}
