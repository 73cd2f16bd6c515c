import Foundation

/// A flash crowd: how many people, how fast they come at the opening, and when each of them comes.
///
///     people/s
///     RATE ┤        ┌──────────┐
///          │       ╱│          │╲
///          │ early╱ │ half     │  ╲ half, fading
///          └─────╱──┴──────────┴────╲─────────▶ time
///            −2 s   opening
///
/// A few are impatient and come before the opening (the servers answer them "not open"; they come again). Half of
/// the others come at the full rate from the opening on, half with a rate that then fades exponentially.
package struct Crowd: Hashable, Sendable {
  package var people: Int
  /// People a second at the opening.
  package var rate: Double
  /// The share of people who come before the opening.
  package var earlyShare: Double
  package var seed: UInt64
  /// The same rate all the time instead of one that fades.
  package var isSteady: Bool

  package init(people: Int, rate: Double, earlyShare: Double = 0.01, seed: UInt64, isSteady: Bool = false) {
    (self.people, self.rate, self.earlyShare, self.seed) = (people, rate, earlyShare, seed)
    self.isSteady = isSteady
  }

  /// How long before the opening the first impatient people may come.
  static let earlySeconds = 2.0
  /// The fading part is cut after this many of its time constants.
  private static let fadingConstants = 4.0

  /// Seconds at the full rate.
  var plateauSeconds: Double { (isSteady ? late : late / 2) / rate }
  /// Seconds from the opening to the last possible first request.
  package var seconds: Double {
    isSteady ? plateauSeconds : plateauSeconds + Crowd.fadingConstants * fadingConstant
  }

  private var late: Double { Double(people) * (1 - earlyShare) }
  private var fadingConstant: Double { late / 2 / (rate * (1 - exp(-Crowd.fadingConstants))) }

  /// When each person comes first, in microseconds from the opening (negative: before it), in order.
  ///
  /// Independent draws, sorted: a Poisson process with this intensity, given its number of people.
  package func arrivals() -> [Int64] {
    var random = Randomness(seed: seed, stream: 1)
    let (plateau, fading) = (plateauSeconds, fadingConstant)
    let tail = 1 - exp(-Crowd.fadingConstants)
    var arrivals: [Int64] = []
    arrivals.reserveCapacity(people)
    for _ in 0..<people {
      let seconds: Double
      if random.unit() < earlyShare {
        // More and more as the opening comes near.
        seconds = (random.unit().squareRoot() - 1) * Crowd.earlySeconds
      } else if isSteady || random.unit() < 0.5 {
        seconds = random.unit() * plateau
      } else {
        seconds = plateau - log(1 - random.unit() * tail) * fading
      }
      arrivals.append(Int64(seconds * 1_000_000))
    }
    arrivals.sort()
    return arrivals
  }
}
