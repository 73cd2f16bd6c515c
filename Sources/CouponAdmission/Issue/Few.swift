/// Elements in their order, of which there is nearly always one: that one needs no memory of its own.
package struct Few<Element>: Sequence {
  package private(set) var first: Element?
  private var more: [Element] = []

  package init() {}

  package var isEmpty: Bool { first == nil }
  package var count: Int { first == nil ? 0 : 1 + more.count }
  package var last: Element? { more.last ?? first }

  package mutating func append(_ element: Element) {
    if first == nil { first = element } else { more.append(element) }
  }

  /// Takes out the first element that matches.
  package mutating func removeFirst(where matches: (Element) -> Bool) -> Element? {
    guard let first else { return nil }
    if matches(first) {
      self.first = more.isEmpty ? nil : more.removeFirst()
      return first
    }
    return more.firstIndex(where: matches).map { more.remove(at: $0) }
  }

  @inline(__always) package func contains(where matches: (Element) -> Bool) -> Bool {
    guard let first else { return false }
    return matches(first) || more.contains(where: matches)
  }

  /// Faster than a `for` loop, which asks its iterator by way of a protocol.
  @inline(__always) package func forEach(_ body: (Element) -> Void) {
    guard let first else { return }
    body(first)
    for element in more { body(element) }
  }

  package func makeIterator() -> Iterator { Iterator(elements: self) }

  package struct Iterator: IteratorProtocol {
    private let elements: Few
    private var index = 0

    fileprivate init(elements: Few) { self.elements = elements }

    package mutating func next() -> Element? {
      defer { index += 1 }
      if index == 0 { return elements.first }
      return index <= elements.more.count ? elements.more[index - 1] : nil
    }
  }
}

extension Few: Sendable where Element: Sendable {}
