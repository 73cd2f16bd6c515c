import TestSupport
import EventLoop
import Postgres
import Testing

@Suite(.limited) struct TransactionTests {
  @Test func whatIsFinishedIsCommittedInTwoRoundTrips() async throws {
    let trips = TripCounter()
    try await withPool(size: 1, seam: trips) { pool async throws in
      try await pool.execute("CREATE TABLE two_trips (id bigint PRIMARY KEY, name text)")
      let before = trips.trips
      let seen = try await pool.transaction(deadline: .soon) { transaction in
        let rows = try await transaction.run([
          (PostgresStatement("SELECT count(*) FROM two_trips"), []), (PostgresStatement("SELECT 7"), []),
        ])
        let read = (rows.count, rows[0].int(0, 0), rows[1].int(0, 0))
        let last = try await transaction.finish([
          (PostgresStatement("INSERT INTO two_trips VALUES ($1, $2)"), [.int(1), .text("a")]),
          (PostgresStatement("INSERT INTO two_trips VALUES ($1, $2)"), [.int(2), .null]),
          (PostgresStatement("UPDATE two_trips SET name = 'b'"), []),
        ])
        #expect(last.map(\.commandTag) == ["INSERT 0 1", "INSERT 0 1", "UPDATE 2"])
        #expect(last[2].affected == 2)
        return read
      }
      #expect(seen == (2, 0, 7))
      #expect(trips.trips - before == 2)
      #expect(try await pool.int("SELECT count(*) FROM two_trips WHERE name = 'b'") == 2)
    }
  }

  @Test func aTransactionOfOneTrip() async throws {
    try await withPool { pool async throws in
      try await pool.execute("CREATE TABLE one_trip (id bigint)")
      let insert = PostgresStatement("INSERT INTO one_trip VALUES (1)")
      _ = try await pool.transaction(deadline: .soon) { try await $0.finish([(insert, [])]) }
      #expect(try await pool.int("SELECT count(*) FROM one_trip") == 1)
    }
  }

  @Test func whatIsNotFinishedOrThrowsIsRolledBackAndTheConnectionKept() async throws {
    struct Refused: Error {}
    try await withPool(size: 1) { pool async throws in
      try await pool.execute("CREATE TABLE rolled_back (id bigint)")
      let insert = PostgresStatement("INSERT INTO rolled_back VALUES (1)")
      try await pool.transaction(deadline: .soon) { _ = try await $0.run([(insert, [])]) }
      await #expect(throws: Refused.self) {
        try await pool.transaction(deadline: .soon) { transaction in
          _ = try await transaction.run([(insert, [])])
          throw Refused()
        }
      }
      try await pool.transaction(deadline: .soon) { _ in }
      #expect(try await pool.int("SELECT count(*) FROM rolled_back") == 0)
      #expect(pool.statistics.opened == 1)
    }
  }

  @Test func aUniqueViolationSaysSoAndRollsEverythingBack() async throws {
    try await withPool(size: 1) { pool async throws in
      try await pool.execute(
        "CREATE TABLE once (id bigint PRIMARY KEY, name text)", "INSERT INTO once VALUES (1)")
      let insert = PostgresStatement("INSERT INTO once VALUES ($1, $2)")
      let error = await failure {
        try await pool.transaction(deadline: .soon) { transaction in
          _ = try await transaction.run([(PostgresStatement("SELECT 1"), [])])
          return try await transaction.finish([
            (insert, [.int(2), .text("s3cret")]), (insert, [.int(1), .text("s3cret")]),
            (insert, [.int(3), .null]),
          ])
        }
      }
      #expect(error?.sqlState == "23505" && error?.isUniqueViolation == true)
      #expect(error.map { "\($0)".contains("s3cret") } == false)
      #expect(try await pool.int("SELECT count(*) FROM once") == 1)
      #expect(pool.statistics.opened == 1)
    }
  }

  @Test func errorsDoNotQuoteValues() async throws {
    try await withPool { pool async throws in
      let error = await failure {
        try await pool.query(PostgresStatement("SELECT $1::text::int"), [.text("s3cret")], deadline: .soon)
      }
      #expect(error == .server(sqlState: "22P02", message: ""))
    }
  }

  @Test func commitOfAFailedTransactionIsNoCommit() async throws {
    try await withPool(size: 1) { pool async throws in
      try await pool.execute("CREATE TABLE failed_commit (id bigint)")
      let error = await failure {
        try await pool.transaction(deadline: .soon) { transaction in
          _ = try await transaction.run([(PostgresStatement("INSERT INTO failed_commit VALUES (1)"), [])])
          let inner = await failure { try await transaction.run([(PostgresStatement("SELECT 1 / 0"), [])]) }
          #expect(inner?.sqlState == "22012")
          return try await transaction.finish()
        }
      }
      #expect(error?.sqlState == "25P02")
      #expect(try await pool.int("SELECT count(*) FROM failed_commit") == 0)
    }
  }

  @Test func aConstraintThatIsCheckedAtCommitRefusesIt() async throws {
    try await withPool { pool async throws in
      try await pool.execute("CREATE TABLE late (id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED)")
      let insert = PostgresStatement("INSERT INTO late VALUES (1)")
      let explicit = await failure {
        try await pool.transaction(deadline: .soon) { try await $0.finish([(insert, []), (insert, [])]) }
      }
      #expect(explicit?.sqlState == "23505")
      let two = PostgresStatement("INSERT INTO late VALUES (1), (1)")
      #expect(await failure { try await pool.query(two, deadline: .soon) }?.sqlState == "23505")
      #expect(try await pool.int("SELECT count(*) FROM late") == 0)
    }
  }

  @Test func aStatementThatFailedToPrepareCanBePreparedLater() async throws {
    try await withPool(size: 1) { pool async throws in
      let insert = PostgresStatement("INSERT INTO later VALUES (1)")
      let one = PostgresStatement("SELECT 1")
      for _ in 0..<2 {
        let error = await failure {
          try await pool.transaction(deadline: .soon) { try await $0.finish([(insert, []), (one, [])]) }
        }
        #expect(error?.sqlState == "42P01")
      }
      try await pool.execute("CREATE TABLE later (id bigint)")
      _ = try await pool.transaction(deadline: .soon) { try await $0.finish([(insert, []), (one, [])]) }
      #expect(try await pool.int("SELECT count(*) FROM later") == 1)
      #expect(pool.statistics.opened == 1)
    }
  }

  @Test func statementsArePreparedOnceAConnectionUpToABound() async throws {
    try await withPool(size: 1) { pool async throws in
      for round in 0..<2 {
        for number in 0..<300 { #expect(try await pool.int("SELECT \(number)") == Int64(number), "\(round)") }
      }
      #expect(try await pool.int("SELECT count(*) FROM pg_prepared_statements") == 256)
    }
  }

  @Test func theSameStatementTwiceInOneTripAndTablesMadeInIt() async throws {
    try await withPool { pool async throws in
      let insert = PostgresStatement("INSERT INTO made.here VALUES ($1)")
      _ = try await pool.transaction(deadline: .soon) { transaction in
        try await transaction.finish([
          (PostgresStatement("CREATE SCHEMA made"), []),
          (PostgresStatement("CREATE TABLE made.here (id int)"), []),
          (insert, [.int(1)]), (insert, [.int(2)]),
        ])
      }
      #expect(try await pool.int("SELECT sum(id) FROM made.here") == 3)
    }
  }

  @Test func theLockedRowLetsOneInAtATime() async throws {
    try await withPool(size: 4, maxWaiting: 200) { pool async throws in
      try await pool.execute("CREATE TABLE counter (n bigint)", "INSERT INTO counter VALUES (0)")
      let read = PostgresStatement("SELECT n FROM counter FOR UPDATE")
      let write = PostgresStatement("UPDATE counter SET n = $1")
      let runs = (0..<200).map { _ in
        start {
          try await pool.transaction(deadline: .soon) { transaction in
            let n = try await transaction.run([(read, [])])[0].int(0, 0) ?? -1
            _ = try await transaction.finish([(write, [.int(n + 1)])])
          }
        }
      }
      for run in runs { try await run.value() }
      #expect(try await pool.int("SELECT n FROM counter") == 200)
    }
  }
}

/// Counts round trips.
@LoopActor
final class TripCounter: CallSeam {
  let isClear = false
  private(set) var trips = 0
  nonisolated init() {}

  func begin(_ use: ServerUse, deadline: Instant, _ go: @escaping @LoopActor (CallPermit) -> Void) {
    if use == .call { trips += 1 }
    go(.proceed)
  }

  func opened(_ connection: any Severable) {}
}
