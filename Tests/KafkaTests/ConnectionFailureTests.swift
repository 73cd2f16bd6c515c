import EventLoop
import Foundation
import Kafka
import PrivateServers
import TestSupport
import Testing

/// Why nobody answers is said, and where: an error that says "transport failure" alone helps nobody.
@Suite("Why Kafka does not answer", .limited)
struct ConnectionFailureTests {
  private static func configuration(_ brokers: String) -> KafkaConfiguration {
    KafkaConfiguration(brokers: brokers, clientID: "test")
  }

  /// What a member of a group says first.
  @LoopActor
  private static func complaint(_ brokers: String) async throws -> String {
    let said = Completion<String>()
    let group = try KafkaGroupConsumer(
      configuration: configuration(brokers), group: "test", topic: "test",
      onRebalance: { _ in },
      onProblem: { problem in
        guard case .unreachable(let reason) = problem else { return }
        said.succeed(reason)
      })
    try group.start()
    let reason = try await said.value(deadline: .now + .seconds(60))
    await group.close(deadline: .now + .seconds(1))
    return reason
  }

  @LoopActor
  private static func refusal(_ brokers: String) async throws -> String {
    let admin = try KafkaAdmin(configuration: configuration(brokers))
    var reason = ""
    do { _ = try await admin.describe("test", deadline: .now + .seconds(8)) } catch { reason = "\(error)" }
    await admin.close()
    return reason
  }

  @Test func aNameThatDoesNotResolve() async throws {
    try await onLoop {
      let text = "nowhere.invalid:9092/bootstrap: Failed to resolve 'nowhere.invalid:9092'"
      let (refusal, complaint) = (
        try await Self.refusal("nowhere.invalid:9092"), try await Self.complaint("nowhere.invalid:9092")
      )
      #expect(refusal.contains(text), "\(refusal)")
      #expect(complaint.contains(text), "\(complaint)")
    }
  }

  /// As a listener does that speaks TLS, or that wants a login.
  @Test func aPortThatHangsUp() async throws {
    try await onLoop {
      let (listener, port) = try Sockets.listen(host: "127.0.0.1", port: 0)
      let watch = DescriptorWatch(listener) { _ in
        do {
          if let descriptor = try Sockets.accept(listener) { Sockets.close(descriptor) }
        } catch { Issue.record(error) }
      }
      defer {
        watch.stop()
        Sockets.close(listener)
      }
      watch.watch(.readable)
      let brokers = "127.0.0.1:\(port)"
      let (refusal, complaint) = (try await Self.refusal(brokers), try await Self.complaint(brokers))
      #expect(refusal.contains("\(brokers)/bootstrap: Disconnected"), "\(refusal)")
      #expect(complaint.contains("\(brokers)/bootstrap: Disconnected"), "\(complaint)")
    }
  }

  /// The broker answers, and sends its clients elsewhere: nothing is down.
  @Test(.enabled(if: PrivateKafka.isInstalled, "no Kafka is installed"))
  func anAdvertisedNameThatDoesNotResolve() async throws {
    try await onLoop {
      let server = try await PrivateKafka.start(
        in: try TestServers.folder(),
        extra: ["advertised.listeners=PLAINTEXT://nowhere.invalid:9092"],
        onProcess: try TestServers.observer(signal: "KILL"))
      let complaint = try await Self.complaint(server.brokers)
      #expect(complaint.contains("Failed to resolve 'nowhere.invalid:9092'"), "\(complaint)")
      await server.stop()
    }
  }
}
