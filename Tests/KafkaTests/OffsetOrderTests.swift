import Kafka
import TestSupport
import Testing

@Suite("The order of offsets", .limited)
struct OffsetOrderTests {
  @Test("takes each offset once, in order, by partition")
  func inOrder() {
    var order = OffsetOrder()
    order.set(0, to: 5)
    order.set(1, to: 0)
    #expect(order.accept(0, 5) == .next)
    #expect(order.accept(1, 0) == .next)
    #expect(order.accept(0, 6) == .next)
    #expect(order.accept(0, 5) == .stale)
    #expect(order.positions == [0: 7, 1: 1])
  }

  @Test("stops a partition at a gap, once, until it is set anew")
  func gap() {
    var order = OffsetOrder()
    order.set(0, to: 5)
    #expect(order.accept(0, 7) == .gap(expected: 5))
    #expect(order.accept(0, 5) == .stopped)
    #expect(order.accept(0, 8) == .stopped)
    #expect(order.position(0) == 5)
    order.set(0, to: 8)
    #expect(order.accept(0, 8) == .next)
  }

  @Test("takes nothing of a partition that is not its own")
  func foreign() {
    var order = OffsetOrder()
    #expect(order.accept(3, 0) == .stopped)
    order.set(3, to: 0)
    order.remove(3)
    #expect(order.accept(3, 0) == .stopped)
  }

  @Test("says whether a partition had stopped before")
  func stop() {
    var order = OffsetOrder()
    order.set(0, to: 1)
    let (first, second) = (order.stop(0), order.stop(0))
    #expect(first && !second)
    let verdict = order.accept(0, 1)
    #expect(verdict == .stopped)
  }
}
