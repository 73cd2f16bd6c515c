import EventLoop
import Foundation
import HTTP
import TestSupport
import Testing

extension EDATests {
  /// Kafka is away when a program is told to end.
  @Suite(.limited) struct LogEnd {
    enum Absence: String, CaseIterable, Sendable {
      case gone
      case frozen
    }

    /// What a program may take: its answers in flight (3 s), its messages and its group (5 s), its clients (2 s each).
    private static let patience = Duration.seconds(15)

    @Test(.timeLimit(.minutes(4)), arguments: Absence.allCases)
    func everyStopIsBounded(absence: Absence) async throws {
      try await onLoop {
        let broker = try await EmbeddedBroker(topic: "endless", partitions: Stage.partitions)
        let stage = try await Stage(
          settings: ["KAFKA_BROKERS": broker.address, "KAFKA_TOPIC": "endless"])
        let worker = try stage.process("worker", [:])
        let api = try await stage.startAPI()
        _ = try await stage.newPolicy(quota: 3)
        let port = try await worker.ports().port
        let client = HTTPClient(
          HTTPClientConfiguration(address: SocketAddress(numericHost: "127.0.0.1", port: port)))
        try await eventually("the worker is ready") { try await client.status("/readyz") == 200 }
        switch absence {
        case .gone: await broker.process.kill()
        case .frozen: broker.process.child.signal(SIGSTOP)
        }
        try await eventually("the api knows") { try await api.client.status("/readyz?for=coupons") == 503 }
        let start = Instant.now
        let ends = [("api", api.process), ("worker", worker)].map { name, process in
          let end = Completion<(String, Bool, Duration)>()
          EventLoop.shared.spawn {
            let limit = EventLoop.shared.schedule(after: .seconds(40)) { process.child.signal(SIGKILL) }
            let status = await process.end()
            limit.cancel()
            end.succeed((name, status == .code(0), Instant.now - start))
          }
          return end
        }
        for end in ends {
          let (name, isDrained, took) = try await end.value()
          #expect(isDrained && took < LogEnd.patience, "\(name): drained \(isDrained), after \(took)")
        }
        broker.process.child.signal(SIGCONT)
        client.close()
        await stage.end()
        await broker.process.kill()
      }
    }
  }
}

/// The embedded broker as a process of its own, which can be killed and frozen.
@LoopActor
struct EmbeddedBroker {
  let process: EDAProcess
  let address: String

  init(topic: String, partitions: Int) async throws {
    let file = try TestServers.folder() + "/broker.json"
    let process = try EDAProcess(
      "broker", ["KAFKA_TOPIC": topic, "KAFKA_PARTITIONS": "\(partitions)", "READY_FILE": file])
    address = try await process.patiently("the broker listens") {
      guard let data = FileManager.default.contents(atPath: file),
        let ready = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
      else { return nil }
      return ready["brokers"] as? String
    }
    self.process = process
  }
}

extension HTTPClient {
  /// The status of a GET; 0 without an answer.
  func status(_ path: String) async throws -> Int {
    let answer = try? await send(HTTPRequest(.get, path), deadline: .now + .seconds(5))
    return answer?.status ?? 0
  }
}
