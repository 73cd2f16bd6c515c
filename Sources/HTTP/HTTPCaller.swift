package import EventLoop
package import Text

/// Where the answer to one request goes that its handler does not return: it is told once, in this turn or a later one.
/// Nothing is allocated for it.
package struct HTTPCaller: Sendable {
  private let answerer: any HTTPAnswerer
  private let ticket: AnswerTicket

  init(_ answerer: any HTTPAnswerer, _ ticket: AnswerTicket) {
    (self.answerer, self.ticket) = (answerer, ticket)
  }

  /// A caller without a connection.
  @LoopActor package init(_ tell: @escaping @LoopActor (HTTPResponse) -> Void) {
    self.init(ClosureAnswerer(tell), AnswerTicket(number: 0, shape: AnswerShape()))
  }

  @LoopActor package func answer(_ response: HTTPResponse) { answerer.answerLate(response: response, ticket) }

  /// Answers with JSON of at most `capacity` bytes, which `write` writes where it is sent from.
  @LoopActor package func answer(status: Int, capacity: Int, json write: (inout TextBuffer) -> Void) {
    answerer.answerLate(status, ticket, capacity: capacity, json: write)
  }
}

/// What answers requests after their handler has returned.
@LoopActor
protocol HTTPAnswerer: AnyObject, Sendable {
  func answerLate(response: HTTPResponse, _ ticket: AnswerTicket)
  func answerLate(
    _ status: Int, _ ticket: AnswerTicket, capacity: Int, json write: (inout TextBuffer) -> Void)
}

@LoopActor
private final class ClosureAnswerer: HTTPAnswerer {
  private let tell: @LoopActor (HTTPResponse) -> Void
  init(_ tell: @escaping @LoopActor (HTTPResponse) -> Void) { self.tell = tell }

  func answerLate(response: HTTPResponse, _ ticket: AnswerTicket) { tell(response) }

  func answerLate(
    _ status: Int, _ ticket: AnswerTicket, capacity: Int, json write: (inout TextBuffer) -> Void
  ) {
    tell(.json([UInt8](capacity: capacity, text: write), status: status))
  }
}
