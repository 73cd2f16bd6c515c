internal import Clibuv
package import EventLoop

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A name service that does not answer: every thread on which libuv looks names up is held, as a resolver without an
/// answer holds them.
@LoopActor
package final class SilentNameService {
  private let loop = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
  private let work: UnsafeMutablePointer<uv_work_t>
  private let threads: Int
  private var writeEnd: Int32 = -1

  /// Silent from now on, until `answer`.
  package init() {
    threads = getenv("UV_THREADPOOL_SIZE").flatMap { Int(String(cString: $0)) } ?? 4
    work = .allocate(capacity: threads)
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0 && uv_loop_init(loop) == 0, "no pipe or no loop")
    writeEnd = ends[1]
    for index in 0..<threads {
      work[index].data = UnsafeMutableRawPointer(bitPattern: Int(ends[0]))
      uv_queue_work(loop, work + index, holdThread, { _, _ in })
    }
  }

  /// Answers again.
  package func answer() {
    close(writeEnd)
    uv_run(loop, UV_RUN_DEFAULT)
    uv_loop_close(loop)
    loop.deallocate()
    work.deallocate()
  }
}

/// Off the loop: until the other end of the pipe is closed.
private nonisolated func holdThread(_ work: UnsafeMutablePointer<uv_work_t>?) {
  var byte: UInt8 = 0
  _ = read(Int32(Int(bitPattern: work?.pointee.data)), &byte, 1)
}
