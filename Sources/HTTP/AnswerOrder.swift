/// Which request an answer belongs to, and how the request wants it.
package struct AnswerTicket: Sendable {
  package let number: UInt32
  let shape: AnswerShape
}

/// Puts answers into the order of their requests (RFC 9112, 9.3.2), in whatever order they become known.
struct AnswerOrder {
  /// The requests from `nextAnswer` to `nextRequest` wait for their answers.
  private var nextRequest: UInt32 = 0
  private var nextAnswer: UInt32 = 0
  /// What early answers hold is counted here.
  private let memory: MemoryCount
  /// Answers whose turn has not come.
  private var early: [(ticket: AnswerTicket, response: HTTPResponse)] = []

  init(_ memory: MemoryCount) { self.memory = memory }

  var unanswered: Int { Int(nextRequest &- nextAnswer) }
  var hasBegun: Bool { nextRequest != 0 }

  mutating func begin(_ shape: AnswerShape) -> AnswerTicket {
    defer { nextRequest &+= 1 }
    return AnswerTicket(number: nextRequest, shape: shape)
  }

  /// True where it is the answer's turn; otherwise `takeEarly` returns it when its turn comes.
  mutating func take(_ response: HTTPResponse, _ ticket: AnswerTicket) -> Bool {
    if takeNext(ticket) { return true }
    precondition(!early.contains { $0.ticket.number == ticket.number }, "a request is answered once")
    early.append((ticket, response))
    memory.add(response.body.count)
    return false
  }

  /// True where it is the turn of the answer, which counts as taken; otherwise nothing has changed.
  mutating func takeNext(_ ticket: AnswerTicket) -> Bool {
    precondition(ticket.number &- nextAnswer < nextRequest &- nextAnswer, "a request is answered once")
    guard ticket.number == nextAnswer else { return false }
    nextAnswer &+= 1
    return true
  }

  mutating func takeEarly() -> (ticket: AnswerTicket, response: HTTPResponse)? {
    guard !early.isEmpty, let index = early.firstIndex(where: { $0.ticket.number == nextAnswer }) else {
      return nil
    }
    nextAnswer &+= 1
    memory.take(early[index].response.body.count)
    return early.remove(at: index)
  }

  mutating func dropEarly() {
    for answer in early { memory.take(answer.response.body.count) }
    early = []
  }
}
