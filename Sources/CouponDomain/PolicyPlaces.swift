/// Where tables keep what they know of a policy. Ids are small numbers nearly always, and every request looks its policy up
/// several times: small ids are found without a hash.
package struct PolicyPlaces: Sendable {
  /// Ids below this have an element in an array, which grows up to the highest one in use.
  private static let dense = 4_096
  private static let none: Int32 = -1

  private var low: [Int32] = []
  private var high: [PolicyID: Int32] = [:]

  package init() {}

  package subscript(_ id: PolicyID) -> Int? {
    let index = Int(id.value)
    if index < low.count { return low[index] < 0 ? nil : Int(low[index]) }
    return index < PolicyPlaces.dense ? nil : high[id].map { Int($0) }
  }

  package mutating func set(_ id: PolicyID, to place: Int) {
    let index = Int(id.value)
    guard index < PolicyPlaces.dense else { return high[id] = Int32(place) }
    if low.count <= index {
      low.append(contentsOf: repeatElement(PolicyPlaces.none, count: index + 1 - low.count))
    }
    low[index] = Int32(place)
  }
}
