import EventLoop
import Foundation
import HTTP
import PrivateServers
import Reports
import Scenarios
import TestSupport
import Testing
import lab
import Laboratory
import Terminal

/// `lab bench` as a person runs it, short.
@Suite(.limited) struct BenchTests {
  @Test func aQuickBenchMeasuresEverythingBesideAForeignServer() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let foreign = try ForeignShop()
      let target = lab.folder + "/figures"
      let (code, text) = try await lab.run(
        "bench", "--quick", "--against", "http://127.0.0.1:\(foreign.port)", "--to", target)
      #expect(code == 0, "\(text)")
      await foreign.end()
      let result = try BenchResult.read(target + "/bench.json")
      #expect(result.isQuick && result.rounds == 1)
      #expect(result.sections == [.coupons, .memory, .shared, .monolith, .start, .drain], "\(text)")
      #expect(result.skipped.count == 1 && result.skipped[0].hasPrefix("winners: "))
      let asked = ["accepted, 64 connections", "a winner asks again, 64 connections"]
      for part in asked {
        for contestant in ["constant answer", "eda", "against 1 (127.0.0.1:\(foreign.port))"] {
          let rate = result.figures.first {
            ($0.part, $0.contestant, $0.measure) == (part, contestant, .rate)
          }
          #expect((rate?.spread.median ?? 0) > 0, "\(part): \(contestant)")
        }
      }
      #expect(result.ratios.contains { $0.section == .drain && $0.spread.median > 0 })
      let page = try String(contentsOfFile: target + "/bench.html", encoding: .utf8)
      #expect(page.contains("<svg") && !page.contains("src=") && !page.contains("href="))
      #expect(try String(contentsOfFile: target + "/bench.svg", encoding: .utf8).hasPrefix("<svg "))
    }
  }

  @Test func aServerThatIsNotOfThisKindIsRefused() async throws {
    try await onLoop {
      let server = HTTPServer(configuration: HTTPServerConfiguration()) { request in
        .now(HTTPResponse(status: request.path == "/healthz" ? 200 : 404))
      }
      let port = try server.start()
      let lab = try LabProcess()
      let (code, text) = try await lab.run(
        "bench", "--quick", "--part", "coupons", "--against", "http://127.0.0.1:\(port)")
      #expect(code == 1)
      #expect(text.contains("POST /v1/policies/1/coupons answers 404 instead of 201 or 409"), "\(text)")
      await server.drain(deadline: .now + .seconds(1))
    }
  }

  @Test(arguments: [
    (["--part", "coupons,x"], "--part takes"),
    (["--kafka", "x"], "--kafka must be embedded, installed or HOST:PORT"),
    (["--against", "127.0.0.1:80"], "--against takes http://ADDRESS:PORT"),
    (["--against", "http://example.org"], "--against takes http://ADDRESS:PORT"),
    (["instructions"], "use scripts/instructions"),
  ])
  func whatCannotBeMeasuredIsSaidBeforeAnythingStarts(arguments: [String], message: String) async throws {
    try await onLoop {
      let (code, text) = try await LabProcess().run(arguments: ["bench"] + arguments)
      #expect(code == 2)
      #expect(text.contains(message), "\(text)")
    }
  }

  @Test func theProcessBehindAPortIsFound() throws {
    let table = """
        sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
         0: 0100007F:0050 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 111 1 x
         1: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 x
      """
    #expect(ListeningProcess.inode(of: 80, in: table) == "222")
    #expect(ListeningProcess.inode(of: 81, in: table) == nil)
  }

  @Test func moreInstructionsThanTheMarginAreABreach() {
    let bounds = InstructionBounds(margin: 0.05, instructions: ["a": 1_000, "b": 1_000])
    #expect(bounds.breaches(of: ["a": 1_050, "b": 900]) == [])
    let breaches = bounds.breaches(of: ["a": 1_051, "c": 1])
    #expect(breaches.count == 3)
    #expect(breaches[0].hasPrefix("a: 1,051 instructions, 5.1 % more than the 1,000"))
    #expect(breaches[1] == "b: was not counted")
    #expect(breaches[2].hasPrefix("c: the file has no bound"))
  }
}

/// A foreign server with a coupon for everybody.
@LoopActor
private final class ForeignShop {
  let port: Int
  private let server: HTTPServer

  init() throws {
    var holders = Set<String>()
    server = HTTPServer(configuration: HTTPServerConfiguration()) { request in
      if request.path == "/healthz" { return .now(HTTPResponse(status: 200)) }
      let person = request.headers.first("x-user-id") ?? ""
      return .now(HTTPResponse(status: holders.insert(person).inserted ? 201 : 200))
    }
    port = try server.start()
  }

  func end() async { await server.drain(deadline: .now + .seconds(1)) }
}
