import EventLoop
import Foundation
import HTTP
import History
import Laboratory
import Terminal

extension LabCommand {
  static let policy = LabCommand(
    "policy", "create a policy, or show one",
    usage: "create [OPTIONS]  |  policy show ID  [--only monolith|eda]",
    options: [
      ("--only monolith|eda", "only this architecture; otherwise both, under the same number"),
      ("--id N", "its number; otherwise the next one that is free in both"),
      ("--name TEXT", "“TimeAttack”"),
      ("--starts-on DATE", "the first day; today in the time zone"),
      ("--ends-on DATE", "the last day, included; six days after the first"),
      ("--opens-at TIME", "opening time of every day; 00:00:00"),
      ("--time-zone NAME", "Asia/Seoul"),
      ("--quota N", "coupons a day; 1000"),
      ("--per-person once|daily", "once"),
    ]
  ) { arguments, folder in
    let only = try arguments.architecture()
    let verb = arguments.positional()
    let state = try LabState.read(folder)
    switch verb {
    case "create":
      let request = try policyRequest(&arguments)
      try arguments.finish()
      try await createPolicy(request, try runningAPIs(state, only), state)
    case "show":
      guard let text = arguments.positional(), let id = Int32(text), id > 0 else {
        throw UsageError("policy show needs the number of a policy")
      }
      try arguments.finish()
      try await showPolicy(id, try runningAPIs(state, only))
    default: throw UsageError(verb.map { "there is no “policy \($0)”" } ?? "policy create, or policy show ID")
    }
    return 0
  }
}

private func policyRequest(_ arguments: inout CommandArguments) throws -> PolicyRequest {
  let zone = try arguments.option("--time-zone") ?? "Asia/Seoul"
  guard let timeZone = TimeZone(identifier: zone) else {
    throw UsageError("--time-zone: there is no “\(zone)”")
  }
  let startsOn = try arguments.option("--starts-on") ?? dayText(.now, timeZone)
  guard let start = dayFormat(timeZone).date(from: startsOn) else {
    throw UsageError("--starts-on must be a date, as in 2026-11-22")
  }
  return PolicyRequest(
    policyId: try arguments.number("--id", in: 1...Int(Int32.max)),
    name: try arguments.option("--name") ?? "TimeAttack", startsOn: startsOn,
    endsOn: try arguments.option("--ends-on") ?? dayText(start.addingTimeInterval(6.5 * 86_400), timeZone),
    opensAt: try arguments.option("--opens-at") ?? "00:00:00", timeZone: zone,
    dailyQuota: try arguments.number("--quota", in: 1...10_000_000) ?? 1000,
    perPerson: try arguments.choice("--per-person", of: ["once", "daily"]) ?? "once")
}

private func dayFormat(_ timeZone: TimeZone) -> DateFormatter {
  let format = DateFormatter()
  (format.locale, format.timeZone) = (Locale(identifier: "en_US_POSIX"), timeZone)
  format.dateFormat = "yyyy-MM-dd"
  return format
}

private func dayText(_ date: Date, _ timeZone: TimeZone) -> String { dayFormat(timeZone).string(from: date) }

/// The programs that answer coupon requests.
private func runningAPIs(_ state: LabState?, _ only: Architecture?) throws -> [LabState.Part] {
  let wanted = (only.map { [$0] } ?? Architecture.allCases).map(\.api)
  let found = state?.running.filter { wanted.contains($0.part) } ?? []
  guard !found.isEmpty else { throw LabFailure("no program is running; start one with lab up") }
  return found
}

/// On all of them under the number that the first one gave.
@LoopActor
private func createPolicy(_ request: PolicyRequest, _ parts: [LabState.Part], _ state: LabState?) async throws
{
  guard let state else { return }
  var request = request
  // Another load generator has no check of its own, as lab load has.
  if parts.contains(where: { $0.part == .edaAPI }) {
    try LogCapacity.check(quota: request.dailyQuota, .eda, state)
  }
  if request.policyId == nil, parts.count > 1 { request.policyId = try await freeEverywhere(parts) }
  for part in parts {
    let created = try await Operator(part, of: state).create(request)
    request.policyId = created.policyId
    Terminal.line(
      "\(part.part.rawValue)  policy \(created.policyId ?? 0): \(created.name), \(created.startsOn) to \(created.endsOn), "
        + "opens at \(created.opensAt) \(created.timeZone), \(created.dailyQuota) a day, \(created.perPerson)"
    )
  }
}

/// An id that no program knows, beyond those that are taken without a gap. It is probed in steps, because the API
/// cannot list policies.
@LoopActor
private func freeEverywhere(_ parts: [LabState.Part]) async throws -> Int {
  var (taken, free) = (0, 1)
  while try await isKnown(free, parts) {
    guard free < Int(Int32.max) else {
      throw LabFailure("lab found no id that is free in both; name one with --id")
    }
    (taken, free) = (free, min(free * 2, Int(Int32.max)))
  }
  while free - taken > 1 {
    let middle = (taken + free) / 2
    if try await isKnown(middle, parts) { taken = middle } else { free = middle }
  }
  return free
}

@LoopActor
private func isKnown(_ id: Int, _ parts: [LabState.Part]) async throws -> Bool {
  for part in parts {
    switch try await lookUp(id, part).status {
    case 404: continue
    case 200: return true
    case let status:
      throw LabFailure("the \(part.part.rawValue) did not say whether it has policy \(id): \(status)")
    }
  }
  return false
}

@LoopActor
private func lookUp(_ id: Int, _ part: LabState.Part) async throws -> HTTPClientResponse {
  try await HTTPClient.ask(part.address, HTTPRequest(.get, "/v1/policies/\(id)"), within: .seconds(10))
}

@LoopActor
private func showPolicy(_ id: Int32, _ parts: [LabState.Part]) async throws {
  var isFound = true
  for part in parts {
    let answer = try await lookUp(Int(id), part)
    Terminal.line("\(part.part.rawValue)  \(Operator.oneLine(answer.body))")
    isFound = isFound && answer.status == 200
  }
  guard isFound else { throw LabFailure("policy \(id) does not exist in every architecture") }
}
