internal import EventLoop

/// What is due at a moment, the earliest first: a binary heap.
///
/// Entries come nearly in order, since every request is given the same time; then adding one moves nothing.
struct DueQueue<Element> {
  private var heap: [(at: Instant, element: Element)] = []

  var first: (at: Instant, element: Element)? { heap.first }

  mutating func add(_ element: Element, at moment: Instant) {
    heap.append((moment, element))
    var child = heap.count - 1
    while child > 0, heap[child].at < heap[(child - 1) / 2].at {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeFirst() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in (2 * parent + 1)...(2 * parent + 2) where child < heap.count {
        if heap[child].at < heap[least].at { least = child }
      }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
