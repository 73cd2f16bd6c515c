import CouponStore
import TestSupport
import Testing

@Suite("What the topic must be", .limited)
struct LogTopicTests {
  @Test func copiesFollowFromTheSettingAndNotFromWhoIsAway() {
    #expect(LogTopic.replicas(nil, brokers: 1, named: "a:1") == 1)
    #expect(LogTopic.replicas(nil, brokers: 1, named: "a:1,a:1") == 1)
    for brokers in 2...5 { #expect(LogTopic.replicas(nil, brokers: brokers, named: "a:1") == 3) }
    for brokers in 1...5 { #expect(LogTopic.replicas(nil, brokers: brokers, named: "a:1,b:1,c:1") == 3) }
    for brokers in 1...5 { #expect(LogTopic.replicas(2, brokers: brokers, named: "a:1,b:1") == 2) }
    #expect([1, 2, 3, 5].map { LogTopic.insync(of: $0) } == [1, 1, 2, 3])
  }

  @Test func aTopicWithFewerCopiesIsRefusedAndTheRemedyNamed() {
    func objection(_ replicas: Int, wanted: Int, least: String? = "2") -> String? {
      var settings = Dictionary(uniqueKeysWithValues: LogTopic.settings(replicas: 3))
      settings["min.insync.replicas"] = least
      return LogTopic.objection(
        partitions: 8, expected: 8, replicas: replicas, wanted: wanted, settings: settings)
    }
    #expect(objection(3, wanted: 3) == nil)
    #expect(objection(3, wanted: 1, least: nil) == nil)
    #expect(objection(1, wanted: 3)?.contains("KAFKA_REPLICAS=1") == true)
    #expect(objection(2, wanted: 3)?.contains("kafka-reassign-partitions") == true)
    #expect(objection(3, wanted: 3, least: "1")?.contains("min.insync.replicas") == true)
    #expect(objection(3, wanted: 3, least: nil)?.contains("min.insync.replicas") == true)
  }
}
