/// What a server has seen since its start; read it on the loop at any time.
package struct HTTPServerStatistics: Sendable {
  package internal(set) var connectionsOpen = 0
  package internal(set) var connectionsAccepted: UInt64 = 0
  /// Those above the limit, which were answered 503.
  package internal(set) var connectionsRefused: UInt64 = 0
  /// Times that a connection had to wait for a later turn, so many others being there.
  package internal(set) var readsPutOff: UInt64 = 0
  /// Whole requests that were given to the handler.
  package internal(set) var requests: UInt64 = 0
  /// Of these, the ones not answered yet.
  package internal(set) var requestsInFlight = 0
  /// What the server itself refused, by status.
  package internal(set) var refusals: [Int: UInt64] = [:]
  /// Connections closed because an answer was not read in time, or between requests.
  package internal(set) var writeTimeouts: UInt64 = 0
  package internal(set) var idleTimeouts: UInt64 = 0
  /// Connections that `drain` did not wait for.
  package internal(set) var connectionsCut: UInt64 = 0

  package init() {}
}
