import EventLoop
import Redis
import TestSupport
import Testing

/// The map of the slots and what a node's refusal means, without sockets.
@Suite(.limited) struct ClusterMachineTests {
  private static let (a, b, c) = (RedisAddress("a", 1), RedisAddress("b", 2), RedisAddress("c", 3))

  @Test func eachSlotHasItsOwner() {
    let machine = halves()
    #expect(machine.owner(of: 0) == Self.a && machine.owner(of: 8_191) == Self.a)
    #expect(machine.owner(of: 8_192) == Self.b && machine.owner(of: 16_383) == Self.b)
    #expect(machine.unserved == 0 && machine.serving == [Self.a, Self.b])
  }

  @Test func withoutAMapNobodyServes() {
    let machine = ClusterMachine()
    #expect(machine.owner(of: 7) == nil && machine.unserved == 16_384)
    #expect(machine.refreshDue(now: at(0)) == at(0), "the map is wanted from the start")
  }

  /// MOVED is for all later calls too, before any new map.
  @Test func movedChangesTheMapAndAsksForANewOne() {
    var (machine, route) = (halves(), RedisRoute(slot: 5))
    let step = machine.answer(
      &route, .aborted("MOVED 5 10.0.0.9:7000"), from: Self.a, now: at(0), deadline: at(9_000))
    #expect(step == .send(to: RedisAddress("10.0.0.9", 7_000), asking: false))
    #expect(machine.owner(of: 5) == RedisAddress("10.0.0.9", 7_000) && machine.owner(of: 6) == Self.a)
    #expect(machine.refreshDue(now: at(0)) != nil)
  }

  /// ASK is for this call alone.
  @Test func askChangesNothing() {
    var (machine, route) = (halves(), RedisRoute(slot: 5))
    let step = machine.answer(&route, .server("ASK 5 b:2"), from: Self.a, now: at(0), deadline: at(9_000))
    #expect(step == .send(to: Self.b, asking: true))
    #expect(machine.owner(of: 5) == Self.a && machine.refreshDue(now: at(0)) == nil)
  }

  @Test(arguments: ["MOVED 5 :7", "MOVED 5 ?:7"]) func aNodeThatKnowsNoNameOfItselfMeansItsOwnHost(
    words: String
  ) {
    var (machine, route) = (halves(), RedisRoute(slot: 5))
    let step = machine.answer(&route, .server(words), from: Self.a, now: at(0), deadline: at(9_000))
    #expect(step == .send(to: RedisAddress("a", 7), asking: false))
  }

  @Test func anIPv6AddressHasMoreColons() {
    #expect(RedisRedirect(.server("MOVED 5 ::1:7")) == .moved(slot: 5, host: "::1", port: 7))
  }

  @Test(arguments: ["TRYAGAIN Multiple keys", "CLUSTERDOWN Hash slot not served"])
  func betweenTwoNodesThereIsAPause(words: String) {
    var (machine, route) = (halves(), RedisRoute(slot: 5))
    let step = machine.answer(&route, .server(words), from: Self.a, now: at(0), deadline: at(9_000))
    #expect(step == .pause(.milliseconds(100)))
    #expect(machine.refreshDue(now: at(0)) != nil)
  }

  /// Two nodes that each say that the other one has it.
  @Test func aCallIsSentOnAFewTimes() {
    var (machine, route) = (halves(), RedisRoute(slot: 5))
    var sources = [Self.a, Self.b]
    for _ in 1...ClusterMachine.redirectsAtMost {
      let error = RedisError.aborted("MOVED 5 \(sources[1])")
      let step = machine.answer(&route, error, from: sources[0], now: at(0), deadline: at(9_000))
      #expect(step == .send(to: sources[1], asking: false))
      sources.swapAt(0, 1)
    }
    let last = machine.answer(
      &route, .aborted("MOVED 5 \(sources[1])"), from: sources[0], now: at(0), deadline: at(9_000))
    #expect(
      last == .tell(.unavailable("sent on 5 times, then: MOVED 5 \(sources[1])")), "nothing was applied")
    #expect(machine.redirects == 6)
  }

  @Test func afterItsDeadlineACallIsNotSentOn() {
    var (machine, route) = (halves(), RedisRoute(slot: 5))
    let step = machine.answer(&route, .server("ASK 5 b:2"), from: Self.a, now: at(10), deadline: at(10))
    #expect(step == .tell(.unavailable("sent on 0 times, then: ASK 5 b:2")))
  }

  /// What may have been applied is never sent again, whatever its words.
  @Test(
    arguments: [
      .outcomeUnknown("MOVED 5 b:2"), .outcomeUnknown("no answer"), .server("WRONGTYPE no"),
      .aborted("NOPERM no"), .aborted("a watched key has changed"), .server("MOVED x b:2"),
      .server("MOVED 5 b"),
      .server("MOVED 16384 b:2"), .server("ASK 5 b:0"),
    ] as [RedisError])
  func everythingElseIsTold(error: RedisError) {
    var (machine, route) = (halves(), RedisRoute(slot: 5))
    #expect(machine.answer(&route, error, from: Self.a, now: at(0), deadline: at(9_000)) == .tell(error))
    #expect(machine.redirects == 0)
  }

  /// Somewhere else nobody watches the key: EXEC would always succeed.
  @Test func whatFollowsAWatchGoesNowhereElse() {
    var (machine, route) = (halves(), RedisRoute(slot: 5, isPinned: true))
    let error = RedisError.aborted("MOVED 5 b:2")
    #expect(machine.answer(&route, error, from: Self.a, now: at(0), deadline: at(9_000)) == .tell(error))
    #expect(machine.owner(of: 5) == Self.b, "the next attempt begins there")
  }

  // MARK: - The map anew

  @Test func aMapIsAskedForAtMostOnceAPace() {
    var machine = ClusterMachine()
    machine.refreshBegins(now: at(0))
    machine.wantRefresh()
    #expect(machine.refreshDue(now: at(1)) == nil, "one is under way")
    machine.refreshEnded(map())
    #expect(machine.refreshDue(now: at(1)) == at(250))
    #expect(machine.refreshDue(now: at(900)) == at(900))
    machine.refreshBegins(now: at(900))
    machine.refreshEnded(map())
    #expect(machine.refreshDue(now: at(2_000)) == nil)
  }

  @Test func aLostNodeMakesOneWanted() {
    var (machine, route) = (halves(), RedisRoute(slot: 5))
    let error = RedisError.unavailable("connection refused")
    #expect(machine.answer(&route, error, from: Self.a, now: at(0), deadline: at(9_000)) == .tell(error))
    #expect(machine.refreshDue(now: at(0)) != nil)
  }

  @Test func aSlotThatNobodyServesIsAskedForAgain() {
    var machine = ClusterMachine()
    machine.refreshBegins(now: at(0))
    machine.refreshEnded(SlotMap(ranges: [.init(slots: 0...9, master: Self.a)]))
    #expect(machine.unserved == 16_374 && machine.refreshDue(now: at(0)) == at(250))
    #expect(machine.trouble { _ in nil }?.kind == .cluster)
  }

  /// A node that has lost its own map must not take everybody's.
  @Test func aMapThatServesLessNeedsASecondOpinion() {
    let machine = halves()
    #expect(machine.trusts(map()))
    #expect(!machine.trusts(SlotMap(ranges: [])))
    #expect(!machine.trusts(SlotMap(ranges: [.init(slots: 0...16_382, master: Self.a)])))
    let ignorant = ClusterMachine()
    #expect(ignorant.trusts(SlotMap(ranges: [.init(slots: 0...0, master: Self.a)])))
    #expect(!ignorant.trusts(SlotMap(ranges: [])))
  }

  /// A map that is older than what MOVED said counts all the same: the node will say it again.
  @Test func aMasterWithoutSlotsIsNoneAnyMore() {
    var (machine, route) = (halves(), RedisRoute(slot: 0))
    machine.adopt(
      SlotMap(ranges: [.init(slots: 0...0, master: Self.a), .init(slots: 1...16_383, master: Self.b)]))
    _ = machine.answer(&route, .server("MOVED 0 b:2"), from: Self.a, now: at(0), deadline: at(9_000))
    #expect(machine.serving == [Self.b] && machine.unserved == 0)
  }

  @Test func theTroubleOfAMasterIsTheClusters() {
    let machine = halves()
    #expect(machine.trouble { _ in nil } == nil)
    let found = machine.trouble { $0 == Self.b ? RedisTrouble(.unreachable, "gone") : nil }
    #expect(found == RedisTrouble(.unreachable, "b:2: gone"))
  }

  @Test func aTagIsInASlotOfTheNode() throws {
    let machine = halves()
    for address in [Self.a, Self.b] {
      let tag = try #require(machine.tag(for: address, last: nil))
      #expect(machine.owner(of: KeySlot.of("x{\(tag)}")) == address)
      #expect(machine.tag(for: address, last: tag) == tag)
    }
    #expect(machine.tag(for: Self.c, last: nil) == nil)
  }

  /// Also for a node with one slot.
  @Test func everySlotHasATag() {
    #expect(Set((0..<109_758).map { KeySlot.of(String($0)) }).count == KeySlot.count)
  }

  // MARK: - CLUSTER SLOTS

  @Test func anAnswerIsRead() {
    let answer = RedisReply.array([
      .array([.integer(0), .integer(99), node("10.0.0.1", 7_000), node("10.0.0.2", 7_001)]),
      .array([.integer(100), .integer(16_383), node("", 7_002, more: [.array([])])]),
      .array([.integer(7), .integer(7), node("?", 7_003)]),
    ])
    let ranges = SlotMap(answer, from: Self.a)?.ranges
    #expect(
      ranges == [
        .init(
          slots: 0...99, master: RedisAddress("10.0.0.1", 7_000), replicas: [RedisAddress("10.0.0.2", 7_001)]),
        .init(slots: 100...16_383, master: RedisAddress("a", 7_002)),
      ])
  }

  @Test(
    arguments: [
      .status("OK"), .null, .array([.integer(1)]), .array([.array([.integer(0), .integer(1)])]),
      .array([.array([.integer(5), .integer(4), node("h", 1)])]),
      .array([.array([.integer(-1), .integer(4), node("h", 1)])]),
      .array([.array([.integer(0), .integer(16_384), node("h", 1)])]),
    ] as [RedisReply])
  func whatIsNoSuchAnswerIsNoMap(reply: RedisReply) { #expect(SlotMap(reply, from: Self.a) == nil) }

  @Test func aNodeWithAnAbsurdPortIsNone() {
    let answer = RedisReply.array([.array([.integer(0), .integer(1), node("h", 70_000)])])
    #expect(SlotMap(answer, from: Self.a)?.ranges == [])
  }

  private func map() -> SlotMap {
    SlotMap(ranges: [.init(slots: 0...8_191, master: Self.a), .init(slots: 8_192...16_383, master: Self.b)])
  }

  private func halves() -> ClusterMachine {
    var machine = ClusterMachine()
    machine.refreshBegins(now: at(-1_000))
    machine.refreshEnded(map())
    return machine
  }
}

private func node(_ host: String, _ port: Int64, more: [RedisReply] = []) -> RedisReply {
  .array([.string(Array(host.utf8)), .integer(port), .string(Array("id".utf8))] + more)
}

private func at(_ milliseconds: Int) -> Instant {
  Instant(nanoseconds: 10_000_000_000) + .milliseconds(milliseconds)
}
