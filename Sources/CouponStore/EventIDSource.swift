package import CouponDomain
import Secrets

/// Draws event ids: 128 random bits each, fetched from the system in batches.
package struct EventIDSource {
  private var words: [UInt64] = []

  package init() {}

  package mutating func next() -> EventID {
    if words.count < 2 {
      words = Sodium.randomWords(512)
    }
    let (high, low) = (words.removeLast(), words.removeLast())
    return EventID(high: high, low: low)
  }
}
