package import EventLoop
import Foundation
import Kafka
import Load
import Terminal

/// Writes messages to the log that no program writes: poison, and copies of what it holds.
@LoopActor
package struct LogInjection {
  private let log: LabState.Log
  private let topic: String
  private let configuration: KafkaConfiguration

  package nonisolated static let mostMessages = 100_000
  private static let patience = Duration.seconds(60)

  init(_ state: LabState) throws {
    guard let log = state.log else {
      throw LabFailure("this laboratory has no log; lab up --only eda has one")
    }
    (self.log, topic) = (log, state.topic)
    configuration = log.client("lab-fault")
  }

  /// Writes `count` unreadable messages to the partitions in use, in turn.
  ///
  /// - Returns: how many the log has taken.
  func poison(_ count: Int) async throws -> Int {
    let ends = try await ends()
    let used = ends.indices.filter { ends[$0] > 0 }
    let partitions = used.isEmpty ? Array(ends.indices) : used
    let kinds = Poison.kinds(isSmall: log.kind == .embedded)
    let sender = LogSender(configuration, topic: topic)
    for index in 0..<count {
      let value = kinds[index % (index < kinds.count ? kinds.count : kinds.count - 1)]
      try await sender.send(to: Int32(partitions[index % partitions.count]), key: Array("poison".utf8), value)
    }
    return try await sender.end(by: .now + LogInjection.patience)
  }

  /// Appends a copy of that share of the messages that the log has now; which ones is drawn from `seed`.
  func duplicates(share: Double, seed: UInt64) async throws -> Int {
    let sender = LogSender(configuration, topic: topic)
    var lots = Randomness(seed: seed, stream: 0)
    let messages = try await read()
    for message in messages where lots.unit() < share {
      try await sender.send(to: message.partition, key: message.key, message.value)
    }
    return try await sender.end(by: .now + LogInjection.patience)
  }

  /// The next offset of each partition.
  private func ends() async throws -> [Int64] {
    let admin = try KafkaAdmin(configuration: configuration)
    defer { EventLoop.shared.spawn { await admin.close() } }
    let marks = try await admin.watermarks(
      of: topic, partitions: log.partitions, patience: LogInjection.patience)
    return marks.map(\.high)
  }

  /// What the log has now.
  private func read() async throws -> [KafkaMessage] {
    var messages: [KafkaMessage] = []
    do {
      try await TopicReading.read(topic, at: configuration, deadline: .now + LogInjection.patience) {
        messages += $0
      }
    } catch let failure as TopicReading.Failure {
      switch failure {
      case .late: throw LabFailure("the log could not be read to its end")
      case .damaged: throw LabFailure("the log cannot be read: a part of it is missing")
      case .noTopic: throw LabFailure("there is no topic \(topic)")
      }
    }
    return messages
  }
}

/// Messages that no decoder reads (N9 of the invariants), each for another reason.
enum Poison {
  /// The last one is large, and comes once: an embedded broker holds 5 MiB a partition.
  static func kinds(isSmall: Bool) -> [[UInt8]] {
    let texts = [
      "", "{", "null", "[]", "\u{fffd}not json",
      #"{"type":"CouponIssued","version":1}"#,
      #"{"type":"CouponIssued","version":1,"policyId":1,"userId":"a\u0000b","issuedAt":"2026-01-01T00:00:00Z"}"#,
      #"{"type":"CouponIssued","version":1,"policyId":1,"userId":"kim","issuedAt":"+292277026596-12-04T15:30:08Z"}"#,
    ]
    let large = [UInt8](repeating: UInt8(ascii: "x"), count: isSmall ? 200_000 : 900_000)
    return texts.map { Array($0.utf8) } + [[0xff, 0xfe, 0x00], large]
  }
}
