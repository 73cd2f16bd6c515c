import TestSupport
import CouponDomain
import Testing
import Text

@Suite(.limited) struct PolicyTests {
  private func field(_ make: () throws -> Policy) -> String? {
    do {
      _ = try make()
      return nil
    } catch let error as InvalidPolicy {
      return error.field
    } catch {
      return "\(error)"
    }
  }

  @Test func namesTheFieldThatBreaksARule() {
    #expect(field { try Make.policy() } == nil)
    #expect(field { try Make.policy(name: "") } == "name")
    // Counted in code points, whatever they take in bytes, and whatever one sees of them.
    for character in ["x", "쿠", "\u{1F39F}"] {
      #expect(field { try Make.policy(name: String(repeating: character, count: 200)) } == nil)
      #expect(field { try Make.policy(name: String(repeating: character, count: 201)) } == "name")
    }
    #expect(field { try Make.policy(name: String(repeating: "e\u{301}", count: 100)) } == nil)
    #expect(field { try Make.policy(name: String(repeating: "e\u{301}", count: 101)) } == "name")
    for control in ["a\u{0}b", "a\nb", "a\u{7f}b", "a\u{85}b"] {
      #expect(field { try Make.policy(name: control) } == "name")
    }
    #expect(field { try Make.policy(endsOn: "2026-06-30") } == "endsOn")
    #expect(field { try Make.policy(startsOn: "2026-07-01", endsOn: "2026-07-01") } == nil)
    #expect(field { try Make.policy(startsOn: "1969-12-31") } == "startsOn")
    #expect(field { try Make.policy(startsOn: "2026-01-01", endsOn: "2036-01-08") } == nil)
    #expect(field { try Make.policy(startsOn: "2026-01-01", endsOn: "2036-01-09") } == "endsOn")
    #expect(field { try Make.policy(timeZone: "") } == "timeZone")
    #expect(field { try Make.policy(timeZone: "Asia/Seoul\n") } == "timeZone")
    #expect(field { try Make.policy(quota: 0) } == "dailyQuota")
    #expect(field { try Make.policy(quota: Policy.maximumQuota) } == nil)
    #expect(field { try Make.policy(quota: Policy.maximumQuota + 1) } == "dailyQuota")
  }

  @Test func renumberingChangesOnlyTheID() throws {
    let policy = try Make.policy(1)
    let other = policy.renumbered(try #require(PolicyID(7)))
    #expect(other.id.value == 7)
    #expect(try other == Make.policy(7))
  }
}
