/// Which offset comes next in each partition. Pure: decides whether a message may be handed on.
package struct OffsetOrder {
  package enum Verdict: Hashable {
    /// The next one.
    case next
    /// It was read before (a pause or seek reads a little twice).
    case stale
    /// Offsets in between are missing.
    case gap(expected: Int64)
    /// The partition has stopped at a problem, or is not ours.
    case stopped
  }

  private struct Place {
    var next: Int64
    var hasStopped = false
  }

  /// By partition; nil where it is not ours.
  private var places: [Place?] = []

  package init() {}

  /// The partitions with their next offsets.
  package var positions: [Int32: Int64] {
    var positions: [Int32: Int64] = [:]
    for (partition, place) in places.enumerated() { positions[Int32(partition)] = place?.next }
    return positions
  }

  package func position(_ partition: Int32) -> Int64? { place(partition)?.next }

  /// The partition goes on from there.
  package mutating func set(_ partition: Int32, to offset: Int64) {
    while places.count <= Int(partition) { places.append(nil) }
    places[Int(partition)] = Place(next: offset)
  }

  package mutating func remove(_ partition: Int32) {
    if place(partition) != nil { places[Int(partition)] = nil }
  }

  /// Nothing more of the partition until `set`. False if it had stopped before, or is not ours.
  @discardableResult
  package mutating func stop(_ partition: Int32) -> Bool {
    guard let place = place(partition), !place.hasStopped else { return false }
    places[Int(partition)]?.hasStopped = true
    return true
  }

  package mutating func accept(_ partition: Int32, _ offset: Int64) -> Verdict {
    guard let place = place(partition), !place.hasStopped else { return .stopped }
    if offset == place.next {
      places[Int(partition)]?.next = offset + 1
      return .next
    }
    if offset < place.next { return .stale }
    stop(partition)
    return .gap(expected: place.next)
  }

  private func place(_ partition: Int32) -> Place? {
    places.indices.contains(Int(partition)) ? places[Int(partition)] : nil
  }
}
