import EventLoop
package import Load
import Terminal

extension LoadOptions {
  /// What the options of a load mean, with what holds where they are not given.
  package static func help(_ standard: LoadOptions = LoadOptions(seed: 0)) -> [(
    name: String, meaning: String
  )] {
    func text(_ number: Double) -> String { number == number.rounded() ? "\(Int(number))" : "\(number)" }
    func seconds(_ duration: Duration) -> String { text(duration.milliseconds / 1_000) }
    return [
      ("--people N", "who come; \(standard.people)"), ("--quota N", "coupons of the day; \(standard.quota)"),
      ("--rate N", "people a second at the opening; \(text(standard.rate))"),
      ("--attempts N", "requests a person makes at most; \(standard.attempts)"),
      ("--connections N", "at most; people beyond them wait; \(standard.connections)"),
      ("--bystander N", "requests a second for stays and bookings; \(text(standard.bystanderPerSecond))"),
      ("--early SHARE", "of the people come before the opening; \(text(standard.earlyShare))"),
      (
        "--before S, --after S",
        "seconds of the bystander alone; \(seconds(standard.before)) and \(seconds(standard.after))"
      ),
      ("--seed N", "of a schedule that was printed before"),
    ]
  }

  /// - Parameter standard: what holds where an argument says nothing.
  package init(_ arguments: inout CommandArguments, standard: LoadOptions = LoadOptions()) throws {
    self = standard
    people = try arguments.number("--people", in: 1...5_000_000) ?? people
    quota = try arguments.number("--quota", in: 1...10_000_000) ?? quota
    rate = try arguments.number("--rate", in: 1...1_000_000) ?? rate
    attempts = try arguments.number("--attempts", in: 1...20) ?? attempts
    connections = try arguments.number("--connections", in: 1...100_000) ?? connections
    bystanderPerSecond = try arguments.number("--bystander", in: 0...10_000) ?? bystanderPerSecond
    earlyShare = try arguments.number("--early", in: 0...0.5) ?? earlyShare
    before = try arguments.number("--before", in: 0.0...600).map { .seconds($0) } ?? before
    after = try arguments.number("--after", in: 0.0...600).map { .seconds($0) } ?? after
    seed = try arguments.seed() ?? seed
    // Times in a history are 32 bits of microseconds.
    guard crowd.seconds < 3_000 else {
      throw UsageError("at this rate the crowd takes longer than 50 minutes")
    }
  }
}
