import EventLoop
import Foundation
import Kafka
import TestSupport
import Testing

extension EDATests {
  /// The programs on a real broker that speaks TLS and wants to know who they are.
  @Suite(.limited, .enabled(if: SecureKafka.canBeStarted, "no Kafka or no openssl is installed"))
  struct SecureKafkaTests {
    @Test(
      "issues coupons", .timeLimit(.minutes(2)), arguments: [SecureKafka.Listener.login, .mutual])
    func issues(over listener: SecureKafka.Listener) async throws {
      try await onLoop {
        let kafka = try await TestServers.secureKafka()
        let stage = try await Stage(settings: kafka.settings(listener))
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 3)
        let crowd = Crowd(policy: policy)
        await crowd.ask(people(5), of: stage)
        #expect(crowd.winners.count == 3 && crowd.refused.count == 2)
        try await eventually("the coupons are rows") { try await stage.rows(of: policy).count == 3 }
        await stage.end()
      }
    }

    /// Each program says by itself, in one line, what happened and which setting to look at.
    @Test(.timeLimit(.minutes(2))) func whatKeepsAProgramOutIsSaid() async throws {
      try await onLoop {
        let kafka = try await TestServers.secureKafka()
        let stage = try await Stage()
        let programs = try SecureTrouble.allCases.flatMap { trouble in
          try ["api", "worker"].map {
            (trouble, $0, try stage.process($0, trouble.settings(of: kafka)))
          }
        }
        for (trouble, program, process) in programs {
          @LoopActor func lines() -> [Substring] {
            process.log.split(separator: "\n").filter { line in
              line.contains("Kafka does not answer") && trouble.words.allSatisfy { line.contains($0) }
            }
          }
          do {
            try await process.patiently("\(program) says what keeps it out: \(trouble)", within: .seconds(30))
            {
              lines().isEmpty ? nil : ()
            }
          } catch { Issue.record(error) }
          #expect(!process.log.contains(SecureKafka.password))
        }
        for (_, _, process) in programs { await process.kill() }
        await stage.end()
      }
    }
  }
}
