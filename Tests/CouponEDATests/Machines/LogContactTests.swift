import CouponLog
import EventLoop
import TestSupport
import Testing

@Suite("What a reader can be sure of", .limited)
struct LogContactTests {
  private let start = Instant(nanoseconds: 1_000_000_000_000)
  private func at(_ milliseconds: Int) -> Instant { start + .milliseconds(milliseconds) }

  @Test func nothingIsSureBeforeTheFirstAnswer() {
    let contact = LogContact(partitions: 2)
    #expect(!contact.isCurrent(0, next: 5, now: at(0)))
  }

  @Test func aReaderIsSureWhenItHasReadToTheEndThatItWasTold() {
    var contact = LogContact(partitions: 2)
    contact.saw(end: 7, of: 0, askedAt: at(0), next: 5)
    #expect(!contact.isCurrent(0, next: 6, now: at(10)))
    #expect(contact.isCurrent(0, next: 7, now: at(10)))
    #expect(!contact.isCurrent(1, next: 7, now: at(10)))
  }

  @Test func itForgetsThatAfterABound() {
    var contact = LogContact(partitions: 1)
    contact.saw(end: 7, of: 0, askedAt: at(0), next: 7)
    #expect(contact.isCurrent(0, next: 7, now: at(0) + LogContact.bound))
    #expect(!contact.isCurrent(0, next: 9, now: at(1) + LogContact.bound))
  }

  /// A tail that stands still while the log grows: its broker answers questions, and it knows no more.
  @Test func anEndThatIsNotReachedDoesNotCount() {
    var contact = LogContact(partitions: 1)
    contact.saw(end: 7, of: 0, askedAt: at(0), next: 7)
    contact.saw(end: 8, of: 0, askedAt: at(1_000), next: 7)
    #expect(contact.isCurrent(0, next: 7, now: at(2_900)))
    contact.saw(end: 8, of: 0, askedAt: at(2_000), next: 7)
    #expect(!contact.isCurrent(0, next: 7, now: at(3_100)))
    #expect(contact.isCurrent(0, next: 8, now: at(3_100)))
  }
}
