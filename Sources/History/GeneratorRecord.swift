/// How well the load generator itself did in one run. It is kept in memory alone: a file says what clients saw.
package struct GeneratorRecord: Hashable, Sendable {
  /// From when a request was due until the generator turned to it. What it waits for a connection after that is the
  /// server's doing: one that stands still accepts none.
  package var lateness = LatencyHistogram()
  /// Requests that this machine had no means to send: no descriptor, no local port, no memory.
  package var unsent = 0
  /// What the system said of the last of them.
  package var unsentReason: String?
  /// Requests that found every connection in use that the generator may have.
  package var crowded = 0

  package init() {}

  package mutating func add(_ other: GeneratorRecord) {
    lateness.merge(other.lateness)
    unsent += other.unsent
    unsentReason = other.unsentReason ?? unsentReason
    crowded += other.crowded
  }
}
