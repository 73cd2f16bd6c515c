/// Virtual time: what is to happen, ordered by its moment and then by the order it was asked for.
final class Schedule {
  private struct Entry {
    let time: Int
    let order: Int
    let action: () -> Void

    func precedes(_ other: Entry) -> Bool { (time, order) < (other.time, other.order) }
  }

  /// Milliseconds since the schedule began.
  private(set) var now = 0
  private var heap: [Entry] = []
  private var count = 0

  func after(_ milliseconds: Int, _ action: @escaping () -> Void) { at(now + milliseconds, action) }

  func at(_ time: Int, _ action: @escaping () -> Void) {
    count += 1
    heap.append(Entry(time: max(time, now), order: count, action: action))
    var child = heap.count - 1
    while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// Plays what is due up to `end`, until `isOver`.
  func run(until end: Int, isOver: () -> Bool = { false }) {
    while let next = heap.first, next.time <= end, !isOver() {
      removeFirst()
      now = next.time
      next.action()
    }
    now = max(now, min(end, heap.first?.time ?? end))
  }

  private func removeFirst() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if heap[child].precedes(heap[least]) { least = child }
      }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
