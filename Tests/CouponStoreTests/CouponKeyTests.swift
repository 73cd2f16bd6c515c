import TestSupport
import CouponDomain
import CouponStore
import Secrets
import Testing
import Text

@Suite(.limited) struct CouponKeyTests {
  @Test func aSecretHas16To1024Bytes() {
    #expect(CouponKey(String(repeating: "k", count: 15)) == nil)
    #expect(CouponKey(String(repeating: "k", count: 16)) != nil)
    #expect(CouponKey("쿠폰의 비밀") != nil)
    #expect(CouponKey(String(repeating: "k", count: 1024)) != nil)
    #expect(CouponKey(String(repeating: "k", count: 1025)) == nil)
  }

  /// Ids that were given out are on people's coupons: they never change. (Computed with Python's hashlib.)
  @Test func idsAreTheSameForever() throws {
    let key = try Make.key()
    let (user, day) = (try Make.user("ann"), try Make.day("2026-07-03"))
    let once = key.couponID(of: user, on: day, try Make.policy())
    let daily = key.couponID(of: user, on: day, try Make.policy(perPerson: .daily))
    #expect(once.description == "1dc5330861ab8954ced22bd00e7cb6ff")
    #expect(daily.description == "8e83c89f767ec7310c4d32dd59496d93")
    #expect(key.keyHash(of: try Make.id(1)).description == "e1457b77474c68d36628d738e9faa3c5")
  }

  @Test func onePersonAndPeriodHaveOneID() throws {
    let key = try Make.key()
    let user = try Make.user("ann")
    let days = try [Make.day("2026-07-01"), Make.day("2026-07-02")]
    let once = try Make.policy(perPerson: .once)
    let daily = try Make.policy(perPerson: .daily)
    #expect(Set(days.map { key.couponID(of: user, on: $0, once) }).count == 1)
    #expect(Set(days.map { key.couponID(of: user, on: $0, daily) }).count == 2)
  }

  @Test func nothingElseSharesAnID() throws {
    let keys = [try Make.key(), try Make.key("another secret of the tests")]
    var ids: Set<CouponID> = []
    for key in keys {
      for policy in [1, 2, 12] {
        for name in ["a", "1a", "11a", "b"] {
          for day in ["2026-07-01", "2026-07-02"] {
            let policy = try Make.policy(policy, perPerson: .daily)
            ids.insert(key.couponID(of: try Make.user(name), on: try Make.day(day), policy))
          }
        }
      }
    }
    #expect(ids.count == 2 * 3 * 4 * 2)
    #expect(keys[0].keyHash(of: try Make.id(1)) != keys[1].keyHash(of: try Make.id(1)))
    #expect(keys[0].keyHash(of: try Make.id(1)) != keys[0].keyHash(of: try Make.id(2)))
  }

  @Test func eventIDsDoNotRepeat() {
    var source = EventIDSource()
    var other = EventIDSource()
    var ids: Set<EventID> = []
    for _ in 0..<5_000 {
      ids.insert(source.next())
      ids.insert(other.next())
    }
    #expect(ids.count == 10_000)
  }

  @Test func aTokenMatchesOnlyItself() {
    let token = SecretToken("open sesame")
    #expect(token.matches("open sesame"))
    for other in ["", "open sesam", "open sesame ", "Open sesame", "open sesamf"] {
      #expect(!token.matches(other))
    }
    #expect(!"\(token)".contains("sesame"))
  }

  @Test func namesOfKeysAndTopics() throws {
    let (policy, day) = (try Make.id(7), try Make.day("2026-07-01"))
    #expect(Names.issuedUsers(of: policy, on: day) == "timeattack:{7}:2026-07-01:issued:users")
    #expect(
      Names.issuedUsers(of: policy, on: day, prefix: "lab1:") == "lab1:timeattack:{7}:2026-07-01:issued:users"
    )
    #expect(Names.logKey(of: policy) == Array("7".utf8))
    #expect(Names.topic == "TimeAttackCouponIssue")
  }
}
