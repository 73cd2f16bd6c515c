import EventLoop

/// Virtual time: what is to happen, ordered by its moment and then by the order it was asked for.
@LoopActor
final class Schedule {
  private struct Entry {
    let time: Int
    let order: Int
    let action: @LoopActor () -> Void

    func precedes(_ other: Entry) -> Bool { (time, order) < (other.time, other.order) }
  }

  /// Milliseconds since the schedule began.
  private(set) var now = 0
  private var heap: [Entry] = []
  private var count = 0

  func after(_ milliseconds: Int, _ action: @escaping @LoopActor () -> Void) {
    at(now + milliseconds, action)
  }

  func at(_ time: Int, _ action: @escaping @LoopActor () -> Void) {
    count += 1
    heap.append(Entry(time: max(time, now), order: count, action: action))
    var child = heap.count - 1
    while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// Plays what is due up to `end`, until `isOver`; after each step the product's tasks run until all of them wait.
  func run(until end: Int, isOver: @LoopActor () -> Bool) async {
    while let next = heap.first, next.time <= end, !isOver() {
      removeFirst()
      now = next.time
      next.action()
      await Schedule.settle()
    }
    now = max(now, min(end, heap.first?.time ?? end))
  }

  /// Lets every task go on that can.
  static func settle() async {
    while EventLoop.shared.hasJobs { await Task.yield() }
  }

  /// Forgets what was to happen.
  func clear() { heap = [] }

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
