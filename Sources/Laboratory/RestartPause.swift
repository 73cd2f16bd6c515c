/// How long a program that has ended stays down: 0.1 s, twice as long each time, at most 5 s. Who has run well for ten
/// seconds begins at the shortest again.
package struct RestartPause: Hashable, Sendable {
  package static let shortest = Duration.milliseconds(100)
  package static let longest = Duration.seconds(5)
  package static let well = Duration.seconds(10)

  private var next = shortest

  package init() {}

  /// - Parameter ran: how long the program has run this time.
  package mutating func after(running ran: Duration) -> Duration {
    let pause = ran >= RestartPause.well ? RestartPause.shortest : next
    next = min(pause * 2, RestartPause.longest)
    return pause
  }
}
