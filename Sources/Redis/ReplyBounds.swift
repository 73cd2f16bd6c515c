internal import Chiredis

/// How many elements an array in a reply may have. hiredis makes room for all of them when the server announces them,
/// and looks at each when it frees them: a broken server that announces two billion would hold the loop for seconds.
enum ReplyBounds {
  /// Far more than any command of ours is answered with.
  private static let elementsAtMost = 65_536

  private static let standard: redisReplyObjectFunctions? = {
    guard let reader = redisReaderCreate() else { return nil }
    defer { redisReaderFree(reader) }
    return reader.pointee.fn.pointee
  }()

  /// hiredis' own functions, but for arrays. Unchecked, because it is written once, then only read, and never freed.
  nonisolated(unsafe) private static let bounded: UnsafeMutablePointer<redisReplyObjectFunctions>? = {
    guard var functions = standard else { return nil }
    functions.createArray = { task, elements in
      guard Int(elements) <= elementsAtMost else { return nil }
      return standard?.createArray(task, elements)
    }
    let memory = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
    memory.initialize(to: functions)
    return memory
  }()

  /// From now on a reply with a longer array is an error of the connection.
  static func apply(to reader: UnsafeMutablePointer<redisReader>) {
    if let bounded { reader.pointee.fn = bounded }
  }
}
