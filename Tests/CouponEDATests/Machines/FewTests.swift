import CouponAdmission
import TestSupport
import Testing

@Suite(.limited) struct FewTests {
  @Test func keepsTheOrder() {
    var few = Few<Int>()
    #expect(few.isEmpty)
    #expect(few.last == nil)
    for number in 1...4 { few.append(number) }
    #expect(Array(few) == [1, 2, 3, 4])
    #expect(few.count == 4)
    #expect(few.last == 4)
    var seen: [Int] = []
    few.forEach { seen.append($0) }
    #expect(seen == [1, 2, 3, 4])
  }

  @Test func givesUpAnyOfThem() {
    var few = Few<Int>()
    for number in 1...4 { few.append(number) }
    #expect(few.removeFirst { $0 == 3 } == 3)
    #expect(few.removeFirst { $0 == 1 } == 1)
    #expect(Array(few) == [2, 4])
    #expect(few.removeFirst { $0 == 9 } == nil)
    #expect(few.removeFirst { $0 == 2 } == 2)
    #expect(few.removeFirst { $0 == 4 } == 4)
    #expect(few.isEmpty)
    #expect(few.last == nil)
  }
}
