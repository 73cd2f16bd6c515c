import TestSupport
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import HTTP
import Operations
import Testing
import Text

/// Keeps what it was asked and sells nothing.
@LoopActor
private final class RecordingService: EmptyService {
  var asked: [IssueRequest] = []

  func issue(_ request: IssueRequest, for caller: IssueCaller) -> Reply<IssueAnswer>? {
    asked.append(request)
    return .now(.soldOut)
  }
}

/// What a service is told of a request.
@Suite(.limited) struct RequestTests {
  private static let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  @LoopActor
  private static func ask(
    _ headers: [(String, String)], clock: SystemClock = SystemClock()
  ) throws -> IssueRequest {
    let service = RecordingService()
    let api = PublicAPI(
      services: APIServices(coupons: service, bystander: MemoryBystander([])), metrics: Metrics(),
      troubles: .unheard(), clock: clock, requestDeadline: .milliseconds(750))
    let request = HTTPRequest(
      .post, "/v1/policies/7/coupons?utm=x", headers: [("x-user-ID", "kim")] + headers)
    guard case .now = api.handle(request, for: HTTPCaller { _ in }) else { throw Unexpected() }
    return try #require(service.asked.first)
  }

  @Test func policyPersonTimeAndDeadline() async throws {
    try await onLoop {
      let (before, earliest) = (SystemClock().now(), Instant.now + .milliseconds(750))
      let request = try Self.ask([])
      let (after, latest) = (SystemClock().now(), Instant.now + .milliseconds(750))
      #expect(request.policyID == PolicyID(7))
      #expect(request.userID == UserID("kim"))
      #expect(request.time >= before && request.time <= after)
      #expect(request.deadline >= earliest && request.deadline <= latest)
      #expect(request.traceparent == nil)
    }
  }

  @Test func theClockMayBeShiftedForAnExperiment() async throws {
    try await onLoop {
      let request = try Self.ask([], clock: SystemClock(offsetMilliseconds: 86_400_000))
      #expect(request.time.microseconds - SystemClock().now().microseconds > 86_000_000_000)
    }
  }

  @Test func aValidTraceGoesAlongAndAnInvalidOneIsIgnored() async throws {
    try await onLoop {
      #expect(try Self.ask([("traceparent", Self.trace)]).traceparent == Self.trace)
      let invalid = try Self.ask([("traceparent", "00-" + String(repeating: "0", count: 52))])
      #expect(invalid.traceparent == nil)
    }
  }
}
