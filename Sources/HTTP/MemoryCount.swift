/// The bytes that buffers hold on behalf of peers. Peers choose how much that is: one that sends half a request, or does
/// not read its answers, makes the server keep bytes for it.
final class MemoryCount {
  private(set) var bytes = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  var isOver: Bool { bytes > limit }

  func add(_ count: Int) { bytes += count }
  func take(_ count: Int) { bytes -= count }
}
