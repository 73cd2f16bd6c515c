import EventLoop
import Postgres
import TestSupport
import Testing

@Suite(.limited) struct ValueTests {
  @Test func integersGoThereAndBack() async throws {
    try await withPool { pool async throws in
      for value: Int64 in [0, 1, -1, .max, .min, 1_234_567_890_123] {
        #expect(try await pool.int("SELECT $1::bigint", [.int(value)]) == value)
      }
      let odd = try await pool.query(
        PostgresStatement("SELECT 1.5, 'x', '', '-', 9223372036854775808, -9223372036854775809, NULL"),
        deadline: .soon)
      #expect((0..<7).allSatisfy { odd.int(0, $0) == nil })
      #expect(odd.isNull(0, 6) && !odd.isNull(0, 2))
    }
  }

  @Test func textIsUnicodeByteForByte() async throws {
    try await withPool { pool async throws in
      let texts = [
        "", "선착순 쿠폰", "e\u{301}", "é", "👩‍👩‍👧‍👦", #"quote " back \ slash"#, "a,b{c}", "NULL", "line\nbreak\t",
        "'; DROP TABLE x; --",
      ]
      for text in texts {
        let rows = try await pool.query(
          PostgresStatement("SELECT $1::text, octet_length($1::text)"), [.text(text)], deadline: .soon)
        #expect(rows.text(0, 0).map { Array($0.utf8) } == Array(text.utf8))
        #expect(rows.int(0, 1) == Int64(text.utf8.count))
      }
      let back = try await pool.query(
        PostgresStatement("SELECT t FROM unnest($1::text[]) WITH ORDINALITY AS u(t, n) ORDER BY n"),
        [.texts(texts + [nil])], deadline: .soon)
      #expect((0..<texts.count).map { back.text($0, 0) } == texts)
      #expect(back.isNull(texts.count, 0) && back.text(texts.count, 0) == nil)
    }
  }

  @Test func aTextWithNULIsRefusedAndTheConnectionGoesOn() async throws {
    try await withPool(size: 1) { pool async throws in
      #expect(try await pool.int("SELECT 1") == 1)
      for value: PostgresValue in [.text("a\u{0}b"), .texts(["a\u{0}b"])] {
        let error = await failure {
          try await pool.query(PostgresStatement("SELECT $1::text"), [value], deadline: .soon)
        }
        #expect(error == .server(sqlState: "22021", message: ""))
      }
      #expect(try await pool.int("SELECT 2") == 2)
      #expect(pool.statistics.opened == 1)
    }
  }

  @Test func bytesBooleansAndNulls() async throws {
    try await withPool { pool async throws in
      let all = Array(UInt8.min...UInt8.max)
      for bytes in [[], [0], all, Array(repeating: 92, count: 10_000)] {
        let rows = try await pool.query(
          PostgresStatement("SELECT $1::bytea"), [.bytes(bytes)], deadline: .soon)
        #expect(rows.bytes(0, 0) == bytes)
      }
      let rows = try await pool.query(
        PostgresStatement("SELECT $1::boolean, $2::boolean, $3::text, b FROM unnest($4::bytea[]) AS u(b)"),
        [.bool(true), .bool(false), .null, .bytesArray([[], all, [0, 255]])], deadline: .soon)
      #expect(rows.count == 3 && rows.bool(0, 0) == true && rows.bool(0, 1) == false)
      #expect(rows.isNull(0, 2) && rows.bool(0, 2) == nil)
      #expect((0..<3).map { rows.bytes($0, 3) } == [[], all, [0, 255]])
    }
  }

  @Test func timestampsKeepTheirMicroseconds() async throws {
    try await withPool { pool async throws in
      var moments: [Int64] = [0, 1, -1, 1_772_323_199_999_999, 951_782_400_000_000, -62_135_596_800_000_000]
      moments += [-62_135_596_800_000_001, -210_866_803_200_000_000, 9_223_339_708_799_999_999]
      var generator = SystemRandomNumberGenerator()
      moments += (0..<200).map { _ in
        .random(in: -100_000_000_000_000_000...200_000_000_000_000_000, using: &generator)
      }
      let rows = try await pool.query(
        PostgresStatement(
          """
          SELECT t, extract(epoch FROM t) * 1000000 = m
          FROM unnest($1::timestamptz[], $2::bigint[]) WITH ORDINALITY AS u(t, m, n) ORDER BY n
          """), [.timestamps(moments), .ints(moments)], deadline: .soon)
      for (row, moment) in moments.enumerated() {
        #expect(rows.timestamp(row, 0) == moment && rows.bool(row, 1) == true, "\(moment)")
        let one = PostgresStatement("SELECT $1::timestamptz")
        let alone = try await pool.query(one, [.timestamp(microseconds: moment)], deadline: .soon)
        #expect(alone.timestamp(0, 0) == moment)
      }
      let odd = try await pool.query(
        PostgresStatement("SELECT 'infinity'::timestamptz, NULL, 'x', '294270-01-01'::timestamptz"),
        deadline: .soon)
      #expect((0..<4).allSatisfy { odd.timestamp(0, $0) == nil })
    }
  }

  @Test func integerArraysWithNulls() async throws {
    try await withPool { pool async throws in
      let rows = try await pool.query(
        PostgresStatement("SELECT i FROM unnest($1::bigint[]) WITH ORDINALITY AS u(i, n) ORDER BY n"),
        [.ints([1, nil, .min, .max])], deadline: .soon)
      #expect((0..<4).map { rows.int($0, 0) } == [1, nil, .min, .max])
      let none = try await pool.query(
        PostgresStatement("SELECT i FROM unnest($1::bigint[]) AS u(i)"), [.ints([])], deadline: .soon)
      #expect(none.count == 0 && none.columnCount == 1)
    }
  }

  @Test func columnsAreTheArraysThatTheServerReads() async throws {
    try await withPool(size: 1) { pool async throws in
      var ints = PostgresColumn(.int, reserving: 3, of: 4)
      var bigs = PostgresColumn(.bigint)
      var texts = PostgresColumn(.text)
      var days = PostgresColumn(.date)
      var times = PostgresColumn(.timestamptz)
      var bytes = PostgresColumn(.bytea)
      for value: Int32 in [0, .min, .max] { ints.append(int: value) }
      for value: Int64 in [-1, .min, .max] { bigs.append(bigint: value) }
      texts.append(text: "선착순 {\"a\", NULL}")
      texts.append(length: 2) { $0 += [104, 105] }
      texts.append(text: "")
      for value: Int32 in [0, -719_162, 2_932_896] { days.append(day: value) }
      for value: Int64 in [0, -62_135_596_800_000_000, 253_402_300_799_999_999] {
        times.append(microseconds: value)
      }
      for value: [UInt8] in [[], [0, 255, 92], Array(repeating: 7, count: 70_000)] {
        bytes.append(bytes: value)
      }
      ints.appendNull()
      for column in [ints, bigs] { #expect(column.count == (column == ints ? 4 : 3)) }
      let rows = try await pool.query(
        PostgresStatement(
          """
          SELECT i, b, t, d::text, s, y
          FROM unnest($1::int[], $2::bigint[], $3::text[], $4::date[], $5::timestamptz[], $6::bytea[])
            WITH ORDINALITY AS u(i, b, t, d, s, y, n) ORDER BY n
          """), [ints, bigs, texts, days, times, bytes].map { .column($0) }, deadline: .soon)
      #expect(
        (0..<3).map { rows.int($0, 0) } == [0, Int64(Int32.min), Int64(Int32.max)] && rows.isNull(3, 0))
      #expect((0..<3).map { rows.int($0, 1) } == [-1, .min, .max])
      #expect((0..<3).map { rows.text($0, 2) } == ["선착순 {\"a\", NULL}", "hi", ""])
      #expect((0..<3).map { rows.text($0, 3) } == ["1970-01-01", "0001-01-01", "9999-12-31"])
      #expect((0..<3).map { rows.timestamp($0, 4) } == [0, -62_135_596_800_000_000, 253_402_300_799_999_999])
      #expect((0..<3).map { rows.bytes($0, 5)?.count } == [0, 3, 70_000])
      let none = try await pool.query(
        PostgresStatement("SELECT t FROM unnest($1::text[]) AS u(t)"), [.column(PostgresColumn(.text))],
        deadline: .soon)
      #expect(none.count == 0)
      var nul = PostgresColumn(.text)
      nul.append(text: "a\u{0}b")
      let error = await failure {
        try await pool.query(PostgresStatement("SELECT $1::text[]"), [.column(nul)], deadline: .soon)
      }
      #expect(error == .server(sqlState: "22021", message: ""))
      #expect(pool.statistics.opened == 1)
    }
  }

  @Test func aLargeAnswerAndALargeParameterTakeManyReadsAndWrites() async throws {
    try await withPool { pool async throws in
      let rows = try await pool.query(
        PostgresStatement("SELECT n, repeat('x', 100) FROM generate_series(1, $1::int) AS s(n)"),
        [.int(50_000)],
        deadline: .soon)
      #expect(rows.count == 50_000 && rows.int(49_999, 0) == 50_000)
      let large = [UInt8](repeating: 7, count: 8_000_000)
      #expect(try await pool.int("SELECT length($1::bytea)", [.bytes(large)]) == 8_000_000)
    }
  }
}
