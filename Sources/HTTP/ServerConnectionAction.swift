package import EventLoop

/// What a connection's owner has to do. Each input of `ServerConnectionMachine` returns the first action; `next` returns
/// the following ones until one that ends the sequence.
package enum ServerConnectionAction {
  // The sequence goes on.

  /// Give the request to the handler; its answer comes back with the ticket, now or later.
  case dispatch(HTTPRequest, AnswerTicket)
  /// Answer with an error; the connection takes no further request.
  case refuse(HTTPRefusal, AnswerTicket)
  /// Tell the peer that nothing more is sent; reading goes on.
  case shutdownWriting
  /// Read once; then call `received`, `foundNothing`, `peerEnded` or `failed` instead of `next`.
  case read
  /// Write once; then call `wrote` or `failed` instead of `next`. The bytes are valid until then.
  case write(UnsafeRawBufferPointer)

  // The sequence ends.

  /// Call `turnEnded` when the turn ends.
  case flushAtTurnEnd
  /// Wait for the socket, at most until the deadline.
  case wait(Readiness, DeadlineChange)
  /// Close the socket and forget the connection.
  case close(CloseReason)
  case nothing
}

package enum DeadlineChange: Hashable, Sendable {
  case keep, disarm
  /// Set the deadline to the time limit from now on, in place of the one before.
  case arm(TimeLimit)
}

/// What a connection's deadline is for.
package enum TimeLimit: Hashable, Sendable {
  case head, body, idle, write, linger
}

package enum CloseReason: Hashable, Sendable {
  /// Everything was answered, or the peer has gone.
  case over
  /// No request came in time.
  case idle
  /// The answers were not read in time.
  case unread
  /// Too much is kept for all peers together, and more than its share for this one.
  case overShare
}

/// What the connections of one server share, and none of them owns.
package final class ConnectionTools {
  /// What is kept for all peers together.
  package var bufferedBytes: Int { buffers.memory.bytes }

  let configuration: HTTPServerConfiguration
  let parser: HeadParser
  let buffers: BufferPool

  package init(_ configuration: HTTPServerConfiguration) {
    self.configuration = configuration
    buffers = BufferPool(limit: configuration.maxBufferedBytes)
    parser = HeadParser(.request, limits: configuration.head)
  }
}
