import TestSupport
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import HTTP
import Foundation
import Operations
import Programs
import Testing
import Text

/// A part that notes when it is started and stopped.
@LoopActor
private final class NotingPart: ApplicationPart {
  private let name: String
  private let journal: Journal
  private let failure: StartFailure?

  init(_ name: String, _ journal: Journal, failure: StartFailure? = nil) {
    (self.name, self.journal, self.failure) = (name, journal, failure)
  }

  func start() async throws {
    if let failure { throw failure }
    journal.lines.append("start \(name)")
  }

  func stop(deadline: Instant) async { journal.lines.append("stop \(name)") }
}

@LoopActor
private final class Journal {
  var lines: [String] = []
}

/// Stays that are told only when the test says so.
@LoopActor
private final class SlowBystander: BystanderService {
  let isAsked = Completion<Void>()
  let mayAnswer = Completion<Void>()

  func stays(deadline: Instant) async -> BystanderAnswer<[Stay]> {
    isAsked.succeed(())
    try? await mayAnswer.value()
    return .found([])
  }
  func stay(_ id: Int64, deadline: Instant) async -> BystanderAnswer<Stay> { .notFound }
  func book(stay id: Int64, by user: UserID, deadline: Instant) async -> BystanderAnswer<Booking> {
    .notFound
  }
}

@Suite(.limited) struct ApplicationTests {
  @LoopActor
  private static func application(
    port: Int = 0, parts: [any ApplicationPart] = [], bystander: any BystanderService = MemoryBystander([]),
    admin: Bool = false, readyFile: String? = nil
  ) throws -> Application {
    var environment = ["HTTP_PORT": String(port)]
    if admin { environment.merge(["ADMIN_PORT": "0", "ADMIN_TOKEN": Fixture.token]) { $1 } }
    environment["READY_FILE"] = readyFile
    var reader = SettingsReader(environment: environment, arguments: [])
    let server = try ServerSettings(&reader, defaultPort: 0)
    let admin = try AdminSettings(&reader)
    try reader.finish()
    let coupons = MemoryCouponService(key: try #require(CouponKey("a secret of the tests")))
    return Application(
      server: server, admin: admin, services: APIServices(coupons: coupons, bystander: bystander),
      parts: parts, context: Fixture.quietContext(),
      clock: SystemClock())
  }

  private static func client(_ port: Int) -> HTTPClientConfiguration {
    HTTPClientConfiguration(address: SocketAddress(numericHost: "127.0.0.1", port: port))
  }

  @Test func theEndIsTheReverseOfTheStart() async throws {
    try await onLoop {
      let journal = Journal()
      let application = try Self.application(parts: [NotingPart("a", journal), NotingPart("b", journal)])
      try await application.start()
      await application.stop()
      #expect(journal.lines == ["start a", "start b", "stop b", "stop a"])
    }
  }

  @Test func aFailedStartEndsWhatHasStarted() async throws {
    try await onLoop {
      let journal = Journal()
      let failing = NotingPart("b", journal, failure: StartFailure("the log was lost"))
      let application = try Self.application(parts: [
        NotingPart("a", journal), failing, NotingPart("c", journal),
      ])
      await #expect(throws: StartFailure("the log was lost")) { try await application.start() }
      #expect(journal.lines == ["start a", "stop b", "stop a"])
    }
  }

  @Test func aPortThatIsTakenIsNamed() async throws {
    try await onLoop {
      let first = try Self.application()
      try await first.start()
      let second = try Self.application(port: first.port)
      do throws(StartFailure) {
        try await second.start()
        Issue.record("two listeners on one port")
      } catch {
        #expect(error.description.hasPrefix("HTTP_PORT: cannot listen on 127.0.0.1:\(first.port): "))
        #expect(!error.description.contains("\n"))
      }
      await first.stop()
    }
  }

  @Test func whatIsInFlightIsAnsweredBeforeTheEnd() async throws {
    try await onLoop {
      let bystander = SlowBystander()
      let application = try Self.application(bystander: bystander)
      try await application.start()
      let client = HTTPClient(Self.client(application.port))
      let answer = Completion<Int>()
      EventLoop.shared.spawn {
        let response = try? await client.send(HTTPRequest(.get, "/v1/stays"), deadline: .now + .seconds(20))
        answer.succeed(response?.status ?? 0)
      }
      try await bystander.isAsked.value()
      let stopped = Completion<Void>()
      EventLoop.shared.spawn {
        await application.stop()
        stopped.succeed(())
      }
      // Nobody new is served while the old request still waits.
      let late = HTTPClient(Self.client(application.port))
      let lateAnswer = try? await late.send(HTTPRequest(.get, "/healthz"), deadline: .now + .seconds(5))
      #expect(lateAnswer == nil)
      #expect(!stopped.isDone)
      bystander.mayAnswer.succeed(())
      #expect(try await answer.value() == 200)
      try await stopped.value()
      client.close()
      late.close()
    }
  }

  @Test func theOperatorsListenerExistsOnlyWithPortAndToken() async throws {
    try await onLoop {
      let without = try Self.application()
      try await without.start()
      #expect(without.adminPort == nil)
      await without.stop()
      let with = try Self.application(admin: true)
      try await with.start()
      let client = HTTPClient(Self.client(try #require(with.adminPort)))
      let response = try await client.send(HTTPRequest(.get, "/healthz"), deadline: .now + .seconds(5))
      #expect(response.status == 401)
      client.close()
      await with.stop()
    }
  }

  @Test(arguments: [false, true])
  func theReadyFileSaysWhereAProgramListens(admin: Bool) async throws {
    try await onLoop {
      let path = try TestServers.folder() + "/ready"
      let application = try Self.application(admin: admin, readyFile: path)
      #expect(!FileManager.default.fileExists(atPath: path))
      try await application.start()
      let adminPort = application.adminPort.map { #","adminPort":\#($0)"# } ?? ""
      #expect(
        try String(contentsOfFile: path, encoding: .utf8) == """
          {"program":"the-test","pid":\(getpid()),"httpPort":\(application.port)\(adminPort)}

          """)
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["ready"])
      await application.stop()
    }
  }

  @Test func aProgramThatCannotWriteItsReadyFileDoesNotStart() async throws {
    try await onLoop {
      let application = try Self.application(readyFile: "/nowhere/at/all/ready")
      do throws(StartFailure) {
        try await application.start()
        Issue.record("a file in a folder that is not there")
      } catch {
        #expect(error.description.hasPrefix("READY_FILE: cannot write /nowhere/at/all/ready: "))
      }
    }
  }

  @Test func anApplicationEndsItselfWithACode() async throws {
    try await onLoop {
      let journal = Journal()
      let application = try Self.application(parts: [NotingPart("a", journal)])
      let code = Completion<Int32>()
      EventLoop.shared.spawn { code.succeed(await application.run()) }
      application.end(code: 3)
      #expect(try await code.value() == 3)
    }
  }
}
