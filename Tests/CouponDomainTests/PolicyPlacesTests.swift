import CouponDomain
import TestSupport
import Testing

@Suite(.limited) struct PolicyPlacesTests {
  @Test func smallAndLargeIdsAreFound() throws {
    var places = PolicyPlaces()
    let ids = try [1, 2, 77, 4_095, 4_096, 4_097, 1_000_000, Int(Int32.max)].map {
      try #require(PolicyID($0))
    }
    for id in ids { #expect(places[id] == nil) }
    for (place, id) in ids.enumerated() { places.set(id, to: place) }
    for (place, id) in ids.enumerated() { #expect(places[id] == place) }
    #expect(try places[#require(PolicyID(3))] == nil)
    #expect(try places[#require(PolicyID(4_098))] == nil)
    places.set(ids[2], to: 9)
    #expect(places[ids[2]] == 9)
  }
}
