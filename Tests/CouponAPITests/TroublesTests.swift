import CouponAPI
import EventLoop
import Foundation
import Operations
import TestSupport
import Testing

@Suite(.limited) struct TroublesTests {
  @Test func aReasonIsLoggedWhenItBeginsChangesAndEndsAndCountedEachTime() async throws {
    let pipe = Pipe()
    let descriptor = pipe.fileHandleForWriting.fileDescriptor
    try await onLoop {
      let metrics = Metrics()
      let output = LogOutput(descriptor: descriptor)
      let troubles = Troubles(
        metrics, Log(program: "api", level: .info, output: output), silence: .milliseconds(50))
      let away = ServiceTrouble.unavailable(reason: "The database is not available.")
      let refused = ServiceTrouble.unavailable(reason: "The database refused; nothing was changed.")
      for _ in 0..<3 { troubles.note(away, of: "coupons") }
      troubles.note(refused, of: "coupons")
      troubles.note(away, of: "platform")
      let figures = String(decoding: metrics.render(), as: UTF8.self)
      let labels = #"code="unavailable",reason="The database is not available.""#
      #expect(figures.contains("http_unavailable_total{concern=\"coupons\",\(labels)} 3\n"))
      #expect(figures.contains("http_unavailable_total{concern=\"platform\",\(labels)} 1\n"))
      try await until { troubles.active == 0 }
      troubles.note(away, of: "coupons")
      output.flush()
    }
    try pipe.fileHandleForWriting.close()
    let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    let lines = text.split(separator: "\n")
    #expect(lines.filter { $0.contains("requests are answered 503") && !$0.contains("no more") }.count == 4)
    #expect(lines.filter { $0.contains("no more requests are answered 503") }.count == 3)
    #expect(lines.filter { $0.contains("refused; nothing was changed") }.count == 2)
    #expect(lines.contains { $0.contains("answers=3") && $0.contains("concern=coupons") })
  }

  @Test func aHundredReasonsAreFewerCounters() async throws {
    try await onLoop {
      let metrics = Metrics()
      let troubles = Troubles(metrics, Log(program: "api", level: .error, output: LogOutput()))
      for number in 0..<100 {
        troubles.note(.outcomeUnknown(reason: "number \(number)"), of: "coupons")
      }
      let figures = String(decoding: metrics.render(), as: UTF8.self)
      #expect(figures.contains("reason=\"other\"} 36\n"))
    }
  }
}
