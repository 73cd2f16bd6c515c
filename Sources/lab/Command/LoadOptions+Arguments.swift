import EventLoop
package import Load
import Terminal

extension LoadOptions {
  package static let help: [(name: String, meaning: String)] = [
    ("--people N", "users who come; 50000"), ("--quota N", "coupons of the day; 1000"),
    ("--rate N", "users a second at the opening; 6000"),
    ("--attempts N", "requests of one user at most; 4"),
    ("--connections N", "connections at most; users beyond that wait; 10000"),
    ("--bystander N", "requests a second for stays and bookings; 40"),
    ("--early SHARE", "share of users who come before the opening; 0.01"),
    ("--before S, --after S", "seconds of the bystander alone; 5 and 5"),
    ("--seed N", "the seed that an earlier run printed"),
  ]

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
