/// A queue in a ring buffer: both ends in constant time.
package struct Deque<Element> {
  private var slots: [Element?] = []
  private var head = 0
  package private(set) var count = 0

  package init() {}

  package var isEmpty: Bool { count == 0 }
  package var first: Element? { isEmpty ? nil : slots[head] }

  package mutating func append(_ element: Element) {
    if count == slots.count { grow() }
    slots[(head + count) & (slots.count - 1)] = element
    count += 1
  }

  package mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = slots[head]
    slots[head] = nil
    head = (head + 1) & (slots.count - 1)
    count -= 1
    return element
  }

  /// The element at a distance from the first.
  package subscript(offset: Int) -> Element {
    precondition(offset >= 0 && offset < count, "no element at \(offset) of \(count)")
    guard let element = slots[(head + offset) & (slots.count - 1)] else { preconditionFailure("empty slot") }
    return element
  }

  /// Changes the first element in place; there must be one.
  package mutating func updateFirst<T>(_ change: (inout Element) -> T) -> T {
    precondition(count > 0, "no first element")
    return update(head, change)
  }

  /// Changes every element in place, first to last.
  package mutating func updateEach(_ change: (inout Element) -> Void) {
    for offset in 0..<count { update((head + offset) & (slots.count - 1), change) }
  }

  private mutating func update<T>(_ slot: Int, _ change: (inout Element) -> T) -> T {
    guard var element = slots[slot] else { preconditionFailure("empty slot") }
    slots[slot] = nil
    defer { slots[slot] = element }
    return change(&element)
  }

  package mutating func removeAll() { self = Deque() }

  private mutating func grow() {
    var bigger = [Element?](repeating: nil, count: max(8, slots.count * 2))
    for offset in 0..<count { bigger[offset] = slots[(head + offset) & (slots.count - 1)] }
    slots = bigger
    head = 0
  }
}
