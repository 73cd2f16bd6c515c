import TestSupport
import Testing
import Load
import History

@Suite(.limited) struct ScheduleTests {
  @Test func oneSeedGivesOneSchedule() {
    let crowd = Crowd(people: 5_000, rate: 2_000, seed: 7)
    #expect(crowd.arrivals() == crowd.arrivals())
    var other = crowd
    other.seed = 8
    #expect(crowd.arrivals() != other.arrivals())
  }

  /// The numbers themselves: a schedule must stay what it was for a report that names its seed.
  @Test func theGeneratorNeverChanges() {
    var random = Randomness(seed: 42, stream: 1)
    #expect(
      (0..<3).map { _ in random.next() } == [
        12_964_995_989_896_300_567, 2_179_958_175_440_930_808, 9_368_471_898_829_059_470,
      ])
  }

  @Test func everybodyComesOnceAndInOrder() {
    let arrivals = Crowd(people: 50_000, rate: 10_000, seed: 1).arrivals()
    #expect(arrivals.count == 50_000)
    #expect(zip(arrivals, arrivals.dropFirst()).allSatisfy { $0 <= $1 })
  }

  @Test func theSurgeIsAtTheOpeningAndFades() throws {
    let crowd = Crowd(people: 50_000, rate: 10_000, earlyShare: 0.02, seed: 3)
    let arrivals = crowd.arrivals()
    let early = arrivals.count { $0 < 0 }
    #expect((850...1_150).contains(early))
    #expect(try #require(arrivals.first) >= -2_000_000)
    #expect(Double(try #require(arrivals.last)) <= crowd.seconds * 1_000_000)
    // The plateau lasts 2.45 s; each of its seconds brings the full rate.
    let firstSecond = arrivals.count { (0..<1_000_000).contains($0) }
    let secondSecond = arrivals.count { (1_000_000..<2_000_000).contains($0) }
    #expect((9_600...10_400).contains(firstSecond))
    #expect((9_600...10_400).contains(secondSecond))
    let seventhSecond = arrivals.count { (6_000_000..<7_000_000).contains($0) }
    #expect(seventhSecond < 4_000)
    #expect(seventhSecond > 500)
  }

  @Test func retriesAreBoundedGrowAndListenToTheServer() throws {
    let retries = Retries(attempts: 4, seed: 5)
    let delays = (1...3).compactMap { retries.delay(person: 11, attempt: $0, retryAfterSeconds: nil) }
    #expect(delays.count == 3)
    #expect((250_000...375_000).contains(delays[0]))
    #expect((500_000...750_000).contains(delays[1]))
    #expect((1_000_000...1_500_000).contains(delays[2]))
    #expect(retries.delay(person: 11, attempt: 4, retryAfterSeconds: nil) == nil)
    let asked = try #require(retries.delay(person: 11, attempt: 1, retryAfterSeconds: 2))
    #expect((2_000_000...3_000_000).contains(asked))
    #expect(retries.delay(person: 11, attempt: 1, retryAfterSeconds: 2) == asked)
    #expect(retries.delay(person: 12, attempt: 1, retryAfterSeconds: 2) != asked)
    #expect((0..<1_000_000).contains(retries.afterOpening(person: 3)))
  }

  @Test func theBystanderIsSteadyAndMostlyReads() {
    var schedule = BystanderSchedule(requestsPerSecond: 50, stays: 4, seed: 2)
    let visits = (0..<10_000).map { _ in schedule.next() }
    #expect(zip(visits, visits.dropFirst()).allSatisfy { $0.due <= $1.due })
    #expect(visits.count { $0.due < 100_000_000 } > 4_700)
    #expect(visits.count { $0.due < 100_000_000 } < 5_300)
    #expect((1_300...1_700).contains(visits.count { $0.call == .booking }))
    #expect(Set(visits.map(\.stay)) == [0, 1, 2, 3])
    #expect(!visits.contains { $0.call == .coupon })
  }
}
