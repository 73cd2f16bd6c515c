import TestSupport
import Testing
import Terminal

@Suite(.limited) struct TerminalTests {
  @Test func aBarFitsItsTerminal() {
    let line = ProgressLine(
      phase: "eda: the crowd", fraction: 0.52, elapsedSeconds: 74.9, note: "26,000 of 50,000")
    #expect(
      line.drawn(width: 200)
        == "eda: the crowd            [████████████░░░░░░░░░░░░]  52 %  01:14  26,000 of 50,000")
    #expect(line.drawn(width: 60).count == 59)
    #expect(line.plain == "eda: the crowd: 52 %, 74 s, 26,000 of 50,000")
  }

  @Test func aPhaseWithoutAnEndHasAWanderingBlock() {
    for tenth in 0..<100 {
      let line = ProgressLine(phase: "x", fraction: nil, elapsedSeconds: Double(tenth) / 10, note: "")
      let drawn = line.drawn(width: 100)
      #expect(drawn.count { $0 == "█" } == 3)
      #expect(drawn.count { $0 == "░" } == 21)
    }
    #expect(ProgressLine(phase: "x", fraction: nil, elapsedSeconds: 3, note: "").plain == "x: 3 s")
  }

  @Test func figuresAreWrittenForPeople() {
    #expect(Numbers.count(0) == "0")
    #expect(Numbers.count(999) == "999")
    #expect(Numbers.count(1_000) == "1,000")
    #expect(Numbers.count(-1_234_567) == "−1,234,567")
    #expect(Numbers.decimal(1_234.56, digits: 1) == "1,234.6")
    #expect(Numbers.decimal(-0.04, digits: 1) == "0.0")
    #expect(Numbers.decimal(.infinity, digits: 1) == "–")
    #expect(Numbers.duration(milliseconds: nil) == "–")
    #expect(Numbers.duration(milliseconds: 0.4249) == "0.42 ms")
    #expect(Numbers.duration(milliseconds: 9.999) == "10.0 ms")
    #expect(Numbers.duration(milliseconds: 99.96) == "100 ms")
    #expect(Numbers.duration(milliseconds: 1_234) == "1,234 ms")
    #expect(Numbers.duration(milliseconds: 12_345) == "12.3 s")
    #expect(Numbers.bytes(30 << 20) == "30 MiB")
    #expect(Numbers.percent(0.0123) == "1.2 %")
  }

  @Test func aTableAlignsItsColumns() {
    let table = TextTable(head: ["", "a", "long name"], rows: [["Group"], ["  x", "1", "2"]])
    #expect(table.lines == ["     a  long name", "─────────────────", "", "Group", "  x  1          2"])
  }

  @Test func longLinesAreBrokenBetweenWords() {
    #expect("one two three four".wrapped(to: 9, indent: "  ") == ["one two", "  three", "  four"])
    #expect("incomprehensible it is".wrapped(to: 9) == ["incomprehensible", "it is"])
    #expect("".wrapped() == [])
  }
}
