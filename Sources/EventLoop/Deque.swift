/// A queue in a ring buffer: both ends in constant time.
///
/// Public and inlinable, because the compiler specialises nothing else across modules: with types looked up
/// at run time, each step took ten times as long.
@frozen public struct Deque<Element> {
  @usableFromInline var slots: [Element?] = []
  @usableFromInline var head = 0
  @usableFromInline var length = 0

  @inlinable public var count: Int { length }

  @inlinable public init() {}

  @inlinable public var isEmpty: Bool { count == 0 }
  @inlinable public var first: Element? { isEmpty ? nil : slots[head] }

  /// What `read` makes of the first element. `first` is a copy, which counts a reference for each that the element holds.
  @inlinable public func withFirst<T>(_ read: (borrowing Element) -> T) -> T? {
    guard !isEmpty, case .some(let element) = slots[head] else { return nil }
    return read(element)
  }

  @inlinable public mutating func append(_ element: Element) {
    if count == slots.count { grow() }
    slots[(head + count) & (slots.count - 1)] = element
    length += 1
  }

  @inlinable public mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = slots[head].take()
    head = (head + 1) & (slots.count - 1)
    length -= 1
    return element
  }

  /// The element at a distance from the first.
  @inlinable public subscript(offset: Int) -> Element {
    precondition(offset >= 0 && offset < count, "no element at \(offset) of \(count)")
    guard let element = slots[(head + offset) & (slots.count - 1)] else { preconditionFailure("empty slot") }
    return element
  }

  /// Changes every element in place, first to last.
  @inlinable public mutating func updateEach(_ change: (inout Element) -> Void) {
    for offset in 0..<count { update((head + offset) & (slots.count - 1), change) }
  }

  @inlinable mutating func update<T>(_ slot: Int, _ change: (inout Element) -> T) -> T {
    guard var element = slots[slot] else { preconditionFailure("empty slot") }
    slots[slot] = nil
    defer { slots[slot] = element }
    return change(&element)
  }

  @inlinable public mutating func removeAll() { self = Deque() }

  @inlinable mutating func grow() {
    var bigger = [Element?](repeating: nil, count: max(8, slots.count * 2))
    for offset in 0..<count { bigger[offset] = slots[(head + offset) & (slots.count - 1)] }
    slots = bigger
    head = 0
  }
}
