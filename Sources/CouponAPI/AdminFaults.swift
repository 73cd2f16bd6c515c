import EventLoop
import HTTP
import Faults
import JSON
import Operations

/// The operator's calls to the fault switches: applied here, then forwarded to the peers.
///
///     PUT, GET, DELETE /admin/faults/{target} ─▶ this board ─▶ peers (unless it was forwarded already) ─▶ one answer
@LoopActor
struct AdminFaults {
  let board: FaultBoard
  let peers: AdminPeers

  func answer(_ request: HTTPRequest, _ route: Route, deadline: Instant) -> Reply<HTTPResponse> {
    if route.name == .adminFaults { return answerAll(request, deadline) }
    guard let target = route.target else { return .now(Problem.noSuchTarget) }
    let isUsed = board.targets.contains(target)
    guard isUsed || hasPeers(for: request) else { return .now(Problem.targetNotUsed(target.rawValue)) }
    switch request.method {
    case .put:
      do throws(InvalidFault) {
        let spec = try FaultSpec(json: request.body, for: target)
        if isUsed { board.set(target, spec, now: .now) }
      } catch { return .now(Problem.invalidFault(error)) }
    case .delete: board.clear(target)
    default: break
    }
    guard isUsed else { return passedOn(request, target, deadline) }
    let status = board.current(target, now: .now)
    return forwarded(request, deadline) { json in
      json.key("fault")
      Representation.fault(status, to: &json)
    }
  }

  private func answerAll(_ request: HTTPRequest, _ deadline: Instant) -> Reply<HTTPResponse> {
    if request.method == .delete { for target in board.targets { board.clear(target) } }
    let all = board.all(now: .now)
    return forwarded(request, deadline) { json in
      json.key("faults")
      json.array { json in for status in all { Representation.fault(status, to: &json) } }
    }
  }

  /// A target that this program does not have, and perhaps a peer: the API records no coupon, the worker does.
  private func passedOn(
    _ request: HTTPRequest, _ target: FaultTarget, _ deadline: Instant
  ) -> Reply<HTTPResponse> {
    let status = board.current(target, now: .now)
    let peers = peers
    return .later {
      let answers = await peers.forward(request, deadline: deadline)
      if answers.allSatisfy({ $0.status == 404 }) { return Problem.targetNotUsed(target.rawValue) }
      return AdminFaults.render(answers, isUsed: false) { json in
        json.key("fault")
        Representation.fault(status, to: &json)
      }
    }
  }

  private func hasPeers(for request: HTTPRequest) -> Bool { !isForwarded(request) && !peers.isEmpty }

  private func isForwarded(_ request: HTTPRequest) -> Bool {
    request.headers.first(AdminPeers.header.lowercased()) != nil
  }

  /// - Parameter own: writes the result of this process.
  private func forwarded(
    _ request: HTTPRequest, _ deadline: Instant, _ own: @escaping @Sendable (inout JSONWriter) -> Void
  ) -> Reply<HTTPResponse> {
    if isForwarded(request) {
      return .now(AdminFaults.render([], own))
    }
    let peers = peers
    return .later { AdminFaults.render(await peers.forward(request, deadline: deadline), own) }
  }

  private static func render(
    _ answers: [AdminPeers.Answer], isUsed: Bool = true, _ own: (inout JSONWriter) -> Void
  ) -> HTTPResponse {
    let missed = answers.filter { !$0.isFine }
    func members(_ json: inout JSONWriter) {
      own(&json)
      json.key("peers")
      json.array { json in for answer in answers { AdminFaults.write(answer, to: &json) } }
    }
    guard missed.isEmpty else {
      let list = missed.map { "\($0.peer) (\($0.trouble ?? "no answer"))" }.joined(separator: ", ")
      let detail =
        isUsed ? "Done here, but not at \(list)." : "This program has no such switch; not done at \(list)."
      return Problem.render(.peerNotReached, detail: detail, extra: members)
    }
    var json = JSONWriter()
    json.object { members(&$0) }
    return HTTPResponse(status: 200, contentType: "application/json", body: json.bytes)
  }

  private static func write(_ answer: AdminPeers.Answer, to json: inout JSONWriter) {
    json.object { json in
      json.member("peer", answer.peer)
      json.key("status")
      if let status = answer.status { json.number(Int64(status)) } else { json.null() }
      json.key("answer")
      if answer.status == 200, let body = answer.body { json.raw(body) } else { json.null() }
      json.member("trouble", answer.trouble)
    }
  }
}
