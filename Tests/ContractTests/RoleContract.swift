import CouponLog
import CouponStore
import EventLoop
import Foundation
import HTTP
import Kafka
import Postgres
import PrivateServers
import Redis
import TestSupport
import Testing

/// The programs under the roles of docs/security.md, read out of that page: they can do all their work with them, and
/// nothing else.
extension Contract {
  @Suite(.limited) struct Roles {
    private static let password = "a-password-of-the-roles"

    /// The blocks of code in a language.
    private static func blocks(_ language: String) throws -> [String] {
      try page().components(separatedBy: "```\(language)\n").dropFirst().map {
        $0.components(separatedBy: "```")[0].replacing("…", with: password)
      }
    }

    private static func page() throws -> String {
      let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      return try String(contentsOf: root.appending(path: "docs/security.md"), encoding: .utf8)
    }

    /// A role of the page, on a database whose tables its owner has made.
    @LoopActor
    private static func role(_ name: String, on database: String) async throws -> String {
      let sql = try #require(try blocks("sql").first { $0.contains("CREATE ROLE \(name) ") })
      let postgres = try await TestServers.postgres()
      let unique = "\(name)_\(Int.random(in: 0..<1_000_000_000))"
      let pool = PostgresPool(
        configuration: try PostgresConfiguration(url: postgres.url(database: database)), size: 1,
        maxWaiting: 10,
        name: "roles")
      for statement in sql.replacing(name, with: unique).replacing(
        "DATABASE shop", with: "DATABASE \(database)"
      )
      .split(separator: ";\n") {
        _ = try await pool.query(PostgresStatement(String(statement)), deadline: .now + .seconds(30))
      }
      // What nobody but the owner needs.
      let more = try await pool.query(
        PostgresStatement(
          """
          SELECT count(*) FROM information_schema.role_table_grants
          WHERE grantee = $1 AND privilege_type IN ('DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES')
          """), [.text(unique)], deadline: .now + .seconds(30))
      #expect(more.int(0, 0) == 0)
      await pool.close()
      return "postgres://\(unique):\(password)@127.0.0.1:\(postgres.port)/\(database)"
    }

    /// What the page says, and what `lab` gives.
    @Test func thePageAndTheLaboratoryGiveTheSame() throws {
      let words = { (text: String) in text.split { $0.isWhitespace || $0 == ";" }.joined(separator: " ") }
      for rights in TableRights.allCases {
        let block = try #require(try Self.blocks("sql").first { $0.contains("CREATE ROLE \(rights.role) ") })
        let onPage = block.split(separator: ";\n").map { words(String($0)) }
          .filter { !$0.hasPrefix("CREATE ROLE") && !$0.hasPrefix("GRANT CONNECT") }
        let schema = rights == .monolith ? Schema.monolith : .eda
        #expect(rights.grants(to: rights.role, in: schema).map { words($0.sql) } == onPage)
      }
      let user = try #require(try Self.blocks("").first { $0.hasPrefix("user timeattack ") })
      let rules = RedisRights.rules(for: .log)
      #expect(words(user) == words("user timeattack on >\(Self.password) \(rules)"))
      for way in RedisWay.allCases {
        let more = RedisRights.rules(for: .redis(way, .anyError)).dropFirst(rules.count).dropFirst()
        let isOnPage = try Self.page().contains("`\(more)` (`\(way.rawValue)`)")
        #expect(more.isEmpty || isOnPage, "\(way)")
      }
    }

    @Test(arguments: RedisWay.allCases) func aWayToAskRedisNeedsNoMoreThanItsRules(_ way: RedisWay)
      async throws
    {
      try await onLoop {
        let database = try await Self.newDatabase("roles_\(way.rawValue.replacing("-", with: "_"))")
        let broker = try KafkaMockBroker(topic: "roles", partitions: 1)
        // Each finds no key of another's first policy.
        let number = 1 + (RedisWay.allCases.firstIndex(of: way) ?? 0)
        let redis = try await Self.redisUser(RedisRights.rules(for: .redis(way, .anyError)), database: number)
        let environment = Self.common.merging([
          "KAFKA_BROKERS": broker.bootstrapServers, "KAFKA_TOPIC": "roles", "KAFKA_PARTITIONS": "1",
          "COUPON_STRATEGY": way.rawValue, "DATABASE_URL": database.url,
          "REDIS_URL": redis,
        ]) { $1 }
        let api = try ServerProcess.start("eda", arguments: ["api"], environment: environment)
        let (port, adminPort) = try await api.ports()
        try await api.ready(port: port)
        let target = Target(kind: .eda, port: port, adminPort: adminPort)
        let policy = try await target.newPolicy(quota: 1)
        #expect(try await target.ask("a", policy).status == 201)
        #expect(try await target.ask("b", policy).status == 409)
        api.signal(SIGTERM)
        #expect(await api.exit() == 0)
        withExtendedLifetime(broker) {}
      }
    }

    /// On a cluster the same rules let a program learn the slots, and follow one that moves (ASKING).
    @Test(arguments: [EDAStrategy.log] + RedisWay.allCases.map { .redis($0, .anyError) })
    func theRulesAreEnoughOnACluster(_ strategy: EDAStrategy) async throws {
      try await onLoop {
        let name = strategy == .log ? "log" : EDAStrategy.named.first { $0.value == strategy }?.name ?? ""
        let cluster = try await TestServers.redisCluster()
        for node in cluster.nodes {
          let rules = RedisRights.rules(for: strategy).split(separator: " ").map(String.init)
          let said = try await cluster.run(
            ["ACL", "SETUSER", "least", "on", ">\(Self.password)"] + rules, on: node)
          #expect(said.hasPrefix("OK"), "\(said)")
        }
        let database = try await Self.newDatabase("roles_cluster")
        let broker = try KafkaMockBroker(topic: "roles", partitions: 1)
        let environment = Self.common.merging([
          "KAFKA_BROKERS": broker.bootstrapServers, "KAFKA_TOPIC": "roles", "KAFKA_PARTITIONS": "1",
          "COUPON_STRATEGY": name, "DATABASE_URL": database.url,
          "REDIS_URL": "redis://least:\(Self.password)@127.0.0.1:\(cluster.nodes[0].port)",
        ]) { $1 }
        let api = try ServerProcess.start("eda", arguments: ["api"], environment: environment)
        let (port, adminPort) = try await api.ports()
        try await api.ready(port: port)
        let target = Target(kind: .eda, port: port, adminPort: adminPort)
        let policy = try await target.newPolicy(quota: 3)
        #expect(try await target.ask("a", policy).status == 201)
        let slot = KeySlot.of(String(policy))
        let source = try await cluster.master(of: slot)
        let other = try #require(cluster.nodes.first { $0 !== source })
        // Before its key moves, when it has moved and the slot has not, and at its new place.
        var people = ["b", "c"]
        try await cluster.move(slot: slot, to: other) {
          guard let person = people.popLast() else { return }
          let status = try await target.ask(person, policy).status
          #expect(status == 201, "\(person)")
        }
        #expect(people.isEmpty)
        #expect(try await target.ask("d", policy).status == 409)
        #expect(try await target.ask("a", policy).status == 200)
        api.signal(SIGTERM)
        #expect(await api.exit() == 0)
        #expect(!api.log.contains("NOPERM"), "\(api.log)")
        await cluster.kill()
        withExtendedLifetime(broker) {}
      }
    }

    private static let common = [
      "HTTP_PORT": "0", "ADMIN_PORT": "0", "ADMIN_TOKEN": Target.token, "COUPON_KEY": Target.couponKey,
    ]

    /// Has the owner make a program's tables.
    @LoopActor
    private static func prepare(_ program: String, _ environment: [String: String]) async throws {
      let owner = try ServerProcess.start(program, arguments: ["prepare"], environment: environment)
      #expect(await owner.exit() == 0)
    }

    @LoopActor
    private static func newDatabase(_ name: String) async throws -> (name: String, url: String) {
      let unique = "\(name)_\(Int.random(in: 0..<1_000_000_000))"
      return (unique, try await TestServers.postgres().createDatabase(unique))
    }

    @Test func theMonolithNeedsNoMoreThanItsRole() async throws {
      try await onLoop {
        let database = try await Self.newDatabase("roles_monolith")
        try await Self.prepare("monolith", Self.common.merging(["DATABASE_URL": database.url]) { $1 })
        let url = try await Self.role("timeattack_monolith", on: database.name)
        let server = try ServerProcess.start(
          "monolith", arguments: [], environment: Self.common.merging(["DATABASE_URL": url]) { $1 })
        let (port, adminPort) = try await server.ports()
        try await server.ready(port: port)
        try await Self.work(Target(kind: .monolith, port: port, adminPort: adminPort))
        server.signal(SIGTERM)
        #expect(await server.exit() == 0)
      }
    }

    @Test func theAPIAndTheWorkerNeedNoMoreThanTheirRoles() async throws {
      try await onLoop {
        let database = try await Self.newDatabase("roles_eda")
        let broker = try KafkaMockBroker(topic: "roles", partitions: 2)
        let shared = Self.common.merging([
          "KAFKA_BROKERS": broker.bootstrapServers, "KAFKA_TOPIC": "roles", "KAFKA_PARTITIONS": "2",
          "REDIS_URL": try await Self.redisUser(),
        ]) { $1 }
        try await Self.prepare("eda", shared.merging(["DATABASE_URL": database.url]) { $1 })
        let (writer, reader) = (
          try await Self.role("timeattack_worker", on: database.name),
          try await Self.role("timeattack_api", on: database.name)
        )
        let worker = try ServerProcess.start(
          "eda", arguments: ["worker"], environment: shared.merging(["DATABASE_URL": writer]) { $1 })
        let api = try ServerProcess.start(
          "eda", arguments: ["api"], environment: shared.merging(["DATABASE_URL": reader]) { $1 })
        let (port, adminPort) = try await api.ports()
        try await api.ready(port: port)
        try await worker.ready(port: worker.ports().port)
        try await Self.work(Target(kind: .eda, port: port, adminPort: adminPort))
        for server in [api, worker] {
          server.signal(SIGTERM)
          #expect(await server.exit() == 0)
        }
        withExtendedLifetime(broker) {}
      }
    }

    /// A user with the page's rules for `log`, or with others.
    @LoopActor
    private static func redisUser(
      _ rules: String = RedisRights.rules(for: .log), database: Int = 0
    ) async throws -> String {
      let name = "timeattack_\(Int.random(in: 0..<1_000_000_000))"
      let rules = [name, "on", ">\(password)"] + rules.split(separator: " ").map(String.init)
      let redis = try await TestServers.redis()
      let parts = try #require(URLComponents(string: redis.url))
      let (status, output) = try await ChildProcess.run(
        .init(
          try #require(Binaries.find("redis-cli")), ["-p", String(redis.port), "ACL", "SETUSER"] + rules,
          environment: ["REDISCLI_AUTH": try #require(parts.password)], output: .capture(limit: 65_536)))
      let said = String(decoding: output, as: UTF8.self)
      #expect(status.isSuccess && said.hasPrefix("OK"), "\(said)")
      return "redis://\(name):\(password)@127.0.0.1:\(redis.port)/\(database)"
    }

    /// Every call that reaches a server.
    @LoopActor
    private static func work(_ target: Target) async throws {
      let policy = try await target.newPolicy(quota: 1)
      #expect(try await target.ask("a", policy).status == 201)
      #expect(try await target.ask("a", policy).status == 200)
      #expect(try await target.ask("b", policy).status == 409)
      #expect(try await target.get("/v1/policies/\(policy)/coupons/me", user: "a").status == 200)
      #expect(try await target.get("/v1/policies/\(policy)").text.contains("\"issued\":1"))
      #expect(try await target.get("/v1/stays").status == 200)
      #expect(try await target.call(.post, "/v1/stays/1/bookings", [("X-User-Id", "a")]).status == 201)
      // Whoever writes them, the event stream has the policy and the coupon in the end.
      try await until(within: .seconds(60)) {
        try await target.callAdmin(.get, "/admin/policies/\(policy)/events").text.contains("CouponIssued")
      }
    }
  }
}
