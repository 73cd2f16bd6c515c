/// When a person without a settling answer asks again: exponential backoff with jitter, a
/// bounded number of times, the same for the same seed, person and attempt.
package struct Retries: Hashable, Sendable {
  /// Requests a person makes at most, the first included.
  package var attempts: Int
  package var seed: UInt64
  var firstDelayMicroseconds: Int64 = 250_000
  var longestDelayMicroseconds: Int64 = 8_000_000

  package init(attempts: Int, seed: UInt64) { (self.attempts, self.seed) = (attempts, seed) }

  /// Microseconds to wait after the answer to `attempt` (1, 2, …); nil when that was the last.
  ///
  /// Never less than `retryAfterSeconds`, what the server asked for.
  package func delay(person: Int, attempt: Int, retryAfterSeconds: Int?) -> Int64? {
    guard attempt < attempts else { return nil }
    let doubled = firstDelayMicroseconds << Int64(min(attempt - 1, 16))
    let asked = Int64(min(max(retryAfterSeconds ?? 0, 0), 60)) * 1_000_000
    let least = max(min(doubled, longestDelayMicroseconds), asked)
    return least + Int64(draw(person, attempt) * Double(least) / 2)
  }

  /// Microseconds after the opening at which a person who came too early asks again.
  package func afterOpening(person: Int) -> Int64 { Int64(draw(person, 0) * 1_000_000) }

  private func draw(_ person: Int, _ attempt: Int) -> Double {
    let stream = UInt64(truncatingIfNeeded: person) << 8 | UInt64(truncatingIfNeeded: attempt & 0xFF)
    var random = Randomness(seed: seed, stream: stream &+ 0x5245_5452_5900)
    return random.unit()
  }
}
