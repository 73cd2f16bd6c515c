/// Counts since the server's start.
package struct HTTPServerStatistics: Sendable {
  package internal(set) var connectionsOpen = 0
  package internal(set) var connectionsAccepted: UInt64 = 0
  /// Connections above the limit, which were answered 503.
  package internal(set) var connectionsRefused: UInt64 = 0
  /// How often no descriptor or memory was left for a connection that waited.
  package internal(set) var acceptsFailed: UInt64 = 0
  /// Reads that were put off to a later turn, because many other connections were readable.
  package internal(set) var readsPutOff: UInt64 = 0
  /// Requests that were passed to the handler.
  package internal(set) var requests: UInt64 = 0
  /// Requests that the handler has not answered yet.
  package internal(set) var requestsInFlight = 0
  /// What the server itself refused, by status.
  package internal(set) var refusals: [Int: UInt64] = [:]
  /// Connections closed because an answer was not read in time, or between requests.
  package internal(set) var writeTimeouts: UInt64 = 0
  package internal(set) var idleTimeouts: UInt64 = 0
  /// Connections closed because too much was kept for all peers together, and more than its share for each of them.
  package internal(set) var connectionsShed: UInt64 = 0
  package internal(set) var bytesReceived: UInt64 = 0
  /// Connections that `drain` did not wait for.
  package internal(set) var connectionsCut: UInt64 = 0
}
