import EventLoop

/// Virtual time: what is to happen, ordered by its moment and then by the order it was asked for.
@LoopActor
final class Schedule {
  /// Two numbers in one, so that one comparison orders two entries: the module is not optimized.
  private struct Entry {
    let key: Int
    let action: @LoopActor () -> Void

    init(time: Int, order: Int, action: @escaping @LoopActor () -> Void) {
      // What is never to happen stands behind the end of every schedule.
      key = min(time, Int(Int32.max)) << 32 | order
      self.action = action
    }

    var time: Int { key >> 32 }
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
    let entry = Entry(time: max(time, now), order: count, action: action)
    heap.append(entry)
    var hole = heap.count - 1
    while hole > 0 {
      let parent = (hole - 1) / 2
      guard entry.key < heap[parent].key else { break }
      heap[hole] = heap[parent]
      hole = parent
    }
    heap[hole] = entry
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
    guard let entry = heap.popLast(), !heap.isEmpty else { return }
    let count = heap.count
    var hole = 0
    while 2 * hole + 1 < count {
      var child = 2 * hole + 1
      if child + 1 < count, heap[child + 1].key < heap[child].key { child += 1 }
      guard heap[child].key < entry.key else { break }
      heap[hole] = heap[child]
      hole = child
    }
    heap[hole] = entry
  }
}
