import CouponDomain
import JSON
import Text

/// The JSON of the answers, described in `docs/openapi.yaml`.
enum Representation {
  /// No coupon is longer.
  static let couponLength = 320

  static func coupon(_ coupon: Coupon) -> [UInt8] {
    [UInt8](capacity: couponLength) { write(coupon, to: &$0) }
  }

  /// On the hot path; no value needs an escape.
  static func write(_ coupon: Coupon, to json: inout TextBuffer) {
    let claim = coupon.claim
    json.append(#"{"couponId":""#)
    json.append(hex: claim.couponID)
    json.append(#"","policyId":"#)
    json.append(decimal: Int64(claim.policyID.value))
    json.append(#","userId":""#)
    json.append(ascii: claim.userID.description)
    json.append(#"","day":""#)
    json.append(claim.day)
    json.append(#"","rank":"#)
    if let rank = coupon.rank { json.append(decimal: Int64(rank)) } else { json.append("null") }
    json.append(#","issuedAt":""#)
    json.append(claim.issuedAt)
    json.append(#""}"#)
  }

  static func policy(_ policy: Policy) -> [UInt8] {
    var json = JSONWriter()
    json.object { members(of: policy, into: &$0) }
    return json.bytes
  }

  /// The policy and its day at `time`: outside the event period the day has no coupons.
  static func policy(_ policy: Policy, window: DayWindow, issued: Int, at time: Timestamp) -> [UInt8] {
    let hours = policy.hours(at: time, in: window)
    let quota = policy.isEventDay(window.day) && window.opens ? policy.dailyQuota : 0
    var json = JSONWriter(capacity: 512)
    json.object { json in
      members(of: policy, into: &json)
      json.key("today")
      json.object { json in
        json.member("day", plain: window.day.appendText)
        json.member("startsAt", plain: window.startsAt.appendText)
        json.member("opensAt", plain: window.opensAt.appendText)
        json.member("endsAt", plain: window.endsAt.appendText)
        json.member("isOpen", hours == .open)
        member("nextOpeningAt", nextOpening(hours, window), into: &json)
        json.member("quota", Int64(quota))
        json.member("issued", Int64(issued))
        json.member("remaining", Int64(max(0, quota - issued)))
      }
    }
    return json.bytes
  }

  private static func nextOpening(_ hours: Hours, _ window: DayWindow) -> Timestamp? {
    switch hours {
    case .open: window.followingOpensAt
    case .closed(let next): next
    }
  }

  private static func member(_ name: StaticString, _ time: Timestamp?, into json: inout JSONWriter) {
    if let time {
      json.member(name, plain: time.appendText)
    } else {
      json.key(name)
      json.null()
    }
  }

  private static func members(of policy: Policy, into json: inout JSONWriter) {
    json.member("policyId", Int64(policy.id.value))
    json.member("name", policy.name)
    json.member("startsOn", plain: policy.startsOn.appendText)
    json.member("endsOn", plain: policy.endsOn.appendText)
    json.member("opensAt", plain: policy.opensAt.appendText)
    json.member("timeZone", policy.timeZone)
    json.member("dailyQuota", Int64(policy.dailyQuota))
    json.member("perPerson", policy.perPerson.rawValue)
  }

  /// One line of the event stream. The payload is the log's JSON, byte for byte.
  static func event(_ event: RecordedEvent) -> [UInt8] {
    var json = JSONWriter(capacity: 512)
    json.object { json in
      json.member("sequence", event.sequence)
      json.key("rank")
      if let rank = event.rank { json.number(Int64(rank)) } else { json.null() }
      json.member("recordedAt", plain: event.recordedAt.appendText)
      json.key("event")
      json.raw(event.payload)
    }
    return json.bytes
  }

  static func stays(_ stays: [Stay]) -> [UInt8] {
    var json = JSONWriter(capacity: 1024)
    json.object { json in
      json.key("stays")
      json.array { json in
        for stay in stays { json.object { members(of: stay, into: &$0) } }
      }
    }
    return json.bytes
  }

  static func stay(_ stay: Stay) -> [UInt8] {
    var json = JSONWriter()
    json.object { members(of: stay, into: &$0) }
    return json.bytes
  }

  private static func members(of stay: Stay, into json: inout JSONWriter) {
    json.member("stayId", stay.id)
    json.member("name", stay.name)
    json.member("city", stay.city)
    json.member("roomsLeft", Int64(stay.roomsLeft))
  }

  static func booking(_ booking: Booking) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("bookingId", booking.id)
      json.member("stayId", booking.stayID)
      json.member("userId", booking.userID.description)
      json.member("bookedAt", plain: booking.bookedAt.appendText)
    }
    return json.bytes
  }

  static func readiness(_ isReady: Bool, _ reasons: [String]) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("ready", isReady)
      json.key("reasons")
      json.array { json in
        for reason in reasons { json.string(reason) }
      }
    }
    return json.bytes
  }
}
