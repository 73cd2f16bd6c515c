import EventLoop
import HTTP
import TestSupport
import Testing

extension Contract {
  @Suite(.limited) struct Bystanders {
    @Test(arguments: TargetKind.all)
    func staysAreListedShownAndBooked(kind: TargetKind) async throws {
      try await against(kind) { target in
        let list = try await target.get("/v1/stays")
        #expect(list.status == 200)
        let stays = try #require(list.json["stays"] as? [[String: Any]])
        #expect(stays.count >= 2)
        let id = try #require(stays.first?["stayId"] as? Int)
        let before = try await target.get("/v1/stays/\(id)")
        let form = #"\{"stayId":\#(id),"name":"[^"]+","city":"[^"]+","roomsLeft":\d+\}"#
        #expect(try matches(before.text, form), "\(before.text)")
        let rooms = try #require(before.json["roomsLeft"] as? Int)
        let booked = try await target.call(.post, "/v1/stays/\(id)/bookings", [("X-User-Id", "kim")])
        #expect(booked.status == 201)
        let bookingForm =
          #"\{"bookingId":\d+,"stayId":\#(id),"userId":"kim","bookedAt":"[^"]+\.\d{6}Z"\}"#
        #expect(try matches(booked.text, bookingForm), "\(booked.text)")
        #expect(try await target.get("/v1/stays/\(id)").json["roomsLeft"] as? Int == rooms - 1)
      }
    }

    @Test(arguments: TargetKind.all)
    func unknownStaysAndBadRequestsAreTold(kind: TargetKind) async throws {
      try await against(kind) { target in
        #expect(try await target.get("/v1/stays/999999999").code == "no-such-stay")
        let booking = try await target.call(.post, "/v1/stays/999999999/bookings", [("X-User-Id", "kim")])
        #expect(booking.status == 404)
        #expect(booking.code == "no-such-stay")
        #expect(try await target.get("/v1/stays/x").code == "invalid-id")
        #expect(try await target.call(.post, "/v1/stays/1/bookings").code == "invalid-user-id")
        #expect(try await target.get("/v1/stays/1/bookings").headers.first("allow") == "POST")
      }
    }
  }
}
