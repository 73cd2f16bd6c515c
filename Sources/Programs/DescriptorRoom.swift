import HTTP

/// How the descriptors that the system allows are shared: what people connect with must leave some for the servers that
/// answer them, else a crowd takes those of PostgreSQL, Redis and Kafka, and everybody is refused as long as it stays.
struct DescriptorRoom {
  /// What the system allows this process.
  let limit: Int

  /// Kept for pools, log, broker connections and files: more than all of them have, or a half of very few.
  private var kept: Int { min(256, limit / 2) }

  /// Lowers a listener's limits to its share of the room.
  ///
  /// - Parameter share: one part of so many of what is kept, for a listener that is no crowd's; nil: all that is not kept.
  /// - Returns: whether it had to.
  @discardableResult
  func bound(_ configuration: inout HTTPServerConfiguration, share: Int? = nil) -> Bool {
    let room = share.map { kept / $0 } ?? (limit - kept)
    guard configuration.maxConnections + configuration.maxRefused > room else { return false }
    configuration.maxRefused = min(configuration.maxRefused, max(1, room / 4))
    configuration.maxConnections = min(configuration.maxConnections, max(1, room - configuration.maxRefused))
    return true
  }
}
