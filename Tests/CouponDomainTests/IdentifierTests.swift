import TestSupport
import CouponDomain
import Testing
import Text

@Suite(.limited) struct IdentifierTests {
  @Test func policyIDs() {
    #expect(PolicyID(1)?.value == 1)
    #expect(PolicyID(2_147_483_647)?.description == "2147483647")
    #expect(PolicyID(0) == nil && PolicyID(-1) == nil)
    #expect(PolicyID(2_147_483_648) == nil && PolicyID(UInt64.max) == nil)
  }

  @Test func aPolicyWithoutAnIDGetsTheNextOrAFreeOne() async throws {
    func free(_ taken: [Int]) async -> Int32? {
      let ids = taken.compactMap { PolicyID($0) }
      return await PolicyID.free(above: ids.last) { PolicyID.lowestFree(besides: ids) }?.value
    }
    #expect(await free([]) == 1)
    #expect(await free([1, 7]) == 8)
    #expect(await free([2_147_483_647]) == 1)
    #expect(await free([1, 2, 4, 2_147_483_647]) == 3)
    #expect(await free([2_147_483_646]) == 2_147_483_647)
    // Where none is left, none is made up.
    let last = try #require(PolicyID(2_147_483_647))
    #expect(last.next == nil)
    #expect(await PolicyID.free(above: last) { nil } == nil)
  }

  @Test func userIDs() {
    #expect(UserID("a") != nil)
    #expect(UserID("Ann.Lee_1-2")?.description == "Ann.Lee_1-2")
    #expect(UserID(String(repeating: "x", count: 64)) != nil)
    #expect(UserID(String(repeating: "x", count: 65)) == nil)
    for text in ["", " ", "a b", "a/b", "é", "e\u{301}", "앤", "a\u{0}", "a%41", "a+b", "a@b", "a,b"] {
      #expect(UserID(text) == nil, "\(text)")
    }
    let admitted = (UInt8.min...UInt8.max).filter(UserID.admits)
    #expect(admitted.count == 26 + 26 + 10 + 3)
  }

  /// Tables ask for a hash by way of the protocol: should it no longer ask so, this does not compile.
  @Test func aPersonsHashHangsOnPersonAndSeed() throws {
    func raw(_ key: some Hashable, _ seed: Int) -> Int { key._rawHashValue(seed: seed) }
    let people = try (0..<65_536).map { try #require(UserID("person-\($0)")) }
    let same = try #require(UserID("person-1"))
    #expect(raw(people[1], 7) == people[1]._rawHashValue(seed: 7) && raw(people[1], 7) == raw(same, 7))
    #expect(raw(people[1], 7) != raw(people[1], 8))
    // As many throws of a die with 65,536 sides leave 63.2 % of them up.
    for seed in [0, 1, 1 << 40] {
      let sides = Set(people.map { UInt16(truncatingIfNeeded: raw($0, seed)) }).count
      #expect((40_800...42_100).contains(sides), "\(sides) with seed \(seed)")
    }
  }

  @Test func hexadecimalIDs() {
    let id = EventID(high: 0x0123_4567_89ab_cdef, low: 0x0f)
    #expect(id.description == "0123456789abcdef000000000000000f")
    #expect(EventID(id.description) == id)
    let bad = [
      "", "0", String(repeating: "0", count: 31), String(repeating: "0", count: 33),
      "0123456789ABCDEF000000000000000f", "0123456789abcdef00000000000000-f",
      "0123456789abcdef000000000000000g",
    ]
    for text in bad { #expect(CouponID(text) == nil, "\(text)") }
    var random = SeededGenerator(seed: 3)
    for _ in 0..<1_000 {
      let id = CouponID(high: random.next(), low: random.next())
      #expect(CouponID(id.description) == id)
    }
  }
}
