import EventLoop
import HTTP
import Laboratory
import Load
import PrivateServers
import Reports
import Terminal

/// What a connection and a winner cost the event-driven API in memory.
@LoopActor
struct MemoryBench {
  private let lab: Lab
  private let figures: BenchFigures
  private let isQuick: Bool

  init(_ lab: Lab, _ figures: BenchFigures, isQuick: Bool) {
    (self.lab, self.figures, self.isQuick) = (lab, figures, isQuick)
  }

  /// In a process that nothing was asked of yet: memory that was used once is used again.
  ///
  /// - Parameters:
  ///   - policies: do not exist yet, and have so many winners each.
  ///   - soldOut: does not exist yet, and has one.
  func measure(_ eda: LabState.Part, _ policies: [Int], quota: Int, soldOut: Int) async throws {
    let (operated, pid) = (Operator(eda, of: lab.state), eda.process.pid)
    let progress = PhaseProgress("memory")
    defer { progress.abandon() }
    let connections = isQuick ? 1_000 : 5_000
    for id in policies { try await RequestBench.create(operated, id: id, quota: quota) }
    try await RequestBench.create(operated, id: soldOut, quota: 1)
    let few = endlessPeople("few-", policy: soldOut)
    // What every start pays once: code that is read, buffers that are made.
    try await ask(eda.address, connections: 32, 2_000, few)
    let idle = try own(pid)
    let client = HTTPClient(HTTPClientConfiguration(address: eda.address, maxConnections: connections))
    guard await client.open(connections, deadline: .now + .seconds(10)) == connections else {
      client.close()
      throw LabFailure("not all of \(connections) connections could be opened")
    }
    let opened = try own(pid)
    figures.add(
      .memory, "an open connection, of \(Numbers.count(connections))", "eda", .bytes,
      Double(opened - idle) / Double(connections))
    try await ask(client, connections, few)
    let asked = try own(pid)
    client.close()
    figures.add(
      .memory, "a connection that has asked once, of \(Numbers.count(connections))", "eda", .bytes,
      Double(asked - idle) / Double(connections))
    let count = policies.count * quota
    let before = try own(pid)
    let people = newPeople(for: policies, requestsAPolicy: quota)
    let result = try await ClosedLoop.run(
      at: eda.address, connections: 64, for: .seconds(120), expecting: 201, next: people)
    guard result.answered == count, result.wrong == 0 else {
      throw LabFailure(
        "memory: \(result.answered) of \(count) coupons; the first wrong answer: \(result.firstWrong ?? "none")"
      )
    }
    figures.add(
      .memory, "a winner, of \(Numbers.count(count))", "eda", .bytes,
      Double(try own(pid) - before) / Double(count))
    progress.end("measured")
  }

  private func own(_ pid: Int32) throws -> Int {
    guard let bytes = ProcessTable.residentBytes(of: pid)?.own else { throw LabFailure("the API has ended") }
    return bytes
  }

  private func ask(
    _ address: SocketAddress, connections: Int, _ count: Int, _ people: @escaping NextRequest
  ) async throws {
    var left = count
    let result = try await ClosedLoop.run(
      at: address, connections: connections, for: .seconds(20), expecting: 409
    ) {
      left -= 1
      return left >= 0 ? people() : nil
    }
    // The first of all gets the coupon.
    guard result.answered >= count - 1 else { throw LabFailure(result.firstWrong ?? "no answers") }
  }

  /// One request on each connection.
  private func ask(_ client: HTTPClient, _ count: Int, _ people: NextRequest) async throws {
    var left = count
    let done = Completion<Void>()
    for _ in 0..<count {
      guard let request = people() else { return }
      client.send(request, deadline: .now + .seconds(10)) { _ in
        left -= 1
        if left == 0 { done.succeed(()) }
      }
    }
    try await done.value()
  }
}
