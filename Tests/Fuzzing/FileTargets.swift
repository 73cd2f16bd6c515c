import CouponDomain
import History
import Scenarios
import TestSupport
import Text

extension FuzzTarget {
  /// A scenario in YAML. What is wrong names the file.
  static let scenarios = FuzzTarget(
    "scenarios",
    tokens: [
      "\n  ", "- ", ": ", "&a", "*a", "!!int", "|", ">", "---\n", "...\n", "? ", "{a: 1}", "[[[[[[[[[[[[[[",
      "'", "~",
      "name: x\n", "question: y\n", "faults:\n", "expect:\n", "variants:\n", "quick:\n", "policy:\n",
      "crowd:\n",
      "oversold == 0", "people.accepted >= 1", "60s", "1h", "ms",
    ], maximumLength: 8_192
  ) { input, random in
    do {
      _ = try ScenarioReader.read(input, file: "x.yaml", quick: Bool.random(using: &random))
      return true
    } catch {
      guard "\(error)".contains("x.yaml") else { throw BrokenProperty("no file is named: \(error)") }
      return false
    }
  }

  /// A history as `lab load` writes it. What is read is written and read back the same.
  static let histories = FuzzTarget(
    "histories", seeds: [writtenHistory],
    tokens: [
      "\t", "\n#", "#people\t", "#strategy\t", "coupon\t", "created", "-", "4294967295", "4294967296", "eda",
    ],
    maximumLength: 8_192
  ) { input, _ in
    let history: History
    do { history = try HistoryFile.decode(input) } catch { return false }
    let written = HistoryFile.encode(history)
    do {
      guard try HistoryFile.decode(written) == history else { throw BrokenProperty("read back otherwise") }
    } catch let error as HistoryFile.Unreadable {
      throw BrokenProperty("written, but not readable: \(error)")
    }
    return true
  }

  /// A CSV of answers that another load generator wrote.
  static let plainHistories = FuzzTarget(
    "plain-histories", tokens: ["person,status,couponId\n", "a,201,", "b,409,\n", "c,0,\n", "\r\n", ",,"],
    maximumLength: 4_096
  ) { input, _ in
    (try? PlainHistory(input)) != nil
  }

  /// Made by the writer, so that it is one whatever the format becomes.
  private static let writtenHistory: [UInt8] = {
    guard let policy = PolicyID(7), let day = Day("2025-01-31") else { return [] }
    let run = RunFacts(
      architecture: .eda, strategy: "log", policyID: policy, seed: 1, people: 3, namePrefix: "p",
      startedAt: Timestamp(microseconds: 1_738_288_800_000_000), openedAfter: 1_000_000,
      deadlineMilliseconds: 2_000)
    var history = History(run: run)
    func add(_ person: UInt32, _ outcome: Outcome, coupon: SeenCoupon? = nil) {
      history.append(
        RequestRecord(
          call: .coupon, outcome: outcome, attempt: 1, person: person, due: 1_000, sent: 1_010,
          answered: 2_000),
        coupon: coupon)
    }
    add(
      0, .created,
      coupon: SeenCoupon(
        couponID: CouponID(high: 1, low: 2), rank: 1, day: day,
        issuedAt: Timestamp(microseconds: 1_738_288_801_000_000)))
    add(1, .soldOut)
    add(2, .unknown)
    return HistoryFile.encode(history)
  }()
}
