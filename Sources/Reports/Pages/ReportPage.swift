import Figures
import Experiments
import Terminal

/// `report.html`: one file that needs no network, in the reader's light or dark scheme.
package struct ReportPage {
  private let report: Report
  private let matrix: String?

  /// `matrix`: an SVG file in base 64.
  package init(_ report: Report, matrix: String? = nil) { (self.report, self.matrix) = (report, matrix) }

  package var html: String {
    HTMLPage.wrap(
      title:
        "TimeAttack: \(Numbers.count(report.settings.people)) people, \(Numbers.count(report.settings.quota)) coupons",
      """
      \(header)
      \(warnings)
      \(cards)
      \(table)
      \(charts)
      \(propagation)
      \(findings)
      \(provenance)
      """)
  }

  private var header: String {
    let settings = report.settings
    let names = report.columns.map(\.title).joined(separator: ", ").escaped
    let rounds =
      report.rounds > 1
      ? "\(report.rounds) rounds with the variants taking turns: medians, with the least and the greatest beside them"
      : "once"
    return """
      <header>
      <p class="kicker">TimeAttack</p>
      <h1>\(Numbers.count(settings.people)) people, \(Numbers.count(settings.quota)) coupons</h1>
      <p>The same flash crowd against \(names), each time on fresh data, \(rounds):
      \(Numbers.decimal(settings.ratePerSecond, digits: 0)) people a second at the opening, up to
      \(settings.attempts) requests each, seed <code>\(settings.seed.escaped)</code>.
      Latency counts from the moment a request was due, and is of good answers only; a percentile of fewer than
      \(Percentile.fewestAnswers) answers is not shown.</p>
      </header>
      """
  }

  private var warnings: String {
    report.warnings.map { #"<p class="warning" role="note">\#($0.escaped)</p>"# }
      .joined(separator: "\n")
  }

  private var cards: String {
    let cards = report.columns.map { column in
      func text(_ key: String, _ unit: SpreadText.Unit) -> String {
        SpreadText(column.medians[key], unit, rounds: 0, isMarked: report.unrest != nil).median.escaped
      }
      let ledgers = column.runs.map(\.ledgers)
      return """
        <article class="card \(column.architecture.escaped)">
        <h2>\(column.title.escaped) <span class="badge \(column.passed ? "good" : "bad")">\
        \(column.passed ? "verified" : "not verified")</span></h2>
        <dl>
        <div><dt>winners, p99</dt><dd>\(text("winners.p99_ms", .time))</dd></div>
        <div><dt>sold-out, p99</dt><dd>\(text("soldout.p99_ms", .time))</dd></div>
        <div><dt>sold out in</dt><dd>\(text("sell_out_s", .time))</dd></div>
        <div><dt>bystander p99 meanwhile, failed</dt>\
        <dd>\(text("bystander.during.p99_ms", .time)), \(text("bystander.during.failed", .share)) \
        of \(text("bystander.during.requests", .count))</dd></div>
        <div><dt>oversold, duplicates</dt>\
        <dd>\(ledgers.map(\.oversold).max() ?? 0), \(ledgers.map(\.duplicates).max() ?? 0)</dd></div>
        <div><dt>CPU of all servers</dt><dd>\(text("cpu_s", .cpu))</dd></div>
        </dl>
        </article>
        """
    }
    return #"<section class="cards" aria-label="In short">"# + cards.joined(separator: "\n") + "</section>"
  }

  private var table: String {
    "<section><h2>Side by side</h2>\n\(FigureTable(report).html)</section>"
  }

  /// The course of the first round.
  private var charts: String {
    let trials = report.columns.compactMap { column in
      column.runs.first.map { ChartedTrial(name: column.title, figures: $0) }
    }
    // The second line of an architecture is dashed, and details would be, too.
    let isOneEach = Set(trials.map(\.figures.architecture)).count == trials.count
    return HTMLPage.charts(TrialCharts(trials, quota: isOneEach ? report.settings.quota : nil).ofPage)
  }

  /// As an image: its colours are its own.
  private var propagation: String {
    guard let matrix else { return "" }
    return """
      <section><h2>How far failures spread</h2>
      <p>From the experiments, not from this run.</p>
      <img alt="The failure-propagation matrix" style="width:100%;max-width:830px" src="data:image/svg+xml;base64,\(matrix)">
      </section>
      """
  }

  /// Of each column the first round, or the first that is not verified.
  private var findings: String {
    let columns = report.columns.compactMap { column -> String? in
      guard let index = column.runs.firstIndex(where: { !$0.verified }) ?? column.runs.indices.first else {
        return nil
      }
      return findings(column, of: column.runs[index], round: index + 1)
    }
    return "<section><h2>What was checked</h2>\n" + columns.joined(separator: "\n") + "</section>"
  }

  private func findings(_ column: Report.Column, of run: TrialFigures, round: Int) -> String {
    let rows = run.findings.map { finding in
      let style = ["ok": "good", "n/a": "quiet"][finding.verdict] ?? "bad"
      return """
        <tr><th scope="row">\(finding.invariant.escaped)</th><td class="left">\(finding.title.escaped)</td>\
        <td><span class="badge \(style)">\(finding.verdict.escaped)</span></td>\
        <td class="left">\(finding.detail.escaped)</td></tr>
        """
    }
    let gate = run.ledgers.gateMembers.map { members in
      """
      <p>Redis' set, which proposes and does not decide: \(Numbers.count(members)) members,
      \(Numbers.count(run.ledgers.gateWinnersMissing ?? 0)) winners missing,
      \(Numbers.count(run.ledgers.gateMembersWithoutCoupon ?? 0)) members without a coupon.</p>
      """
    }
    let verified = column.runs.count(where: \.verified)
    let rounds =
      report.rounds > 1 ? "; verified in \(verified) of \(report.rounds) rounds, round \(round)" : ""
    return """
      <details\(run.verified ? "" : " open")><summary>\(column.title.escaped) (\(run.strategy.escaped)): \
      \(run.findings.count) invariants\(rounds)</summary>
      <div class="scroll"><table><tbody>
      \(rows.joined(separator: "\n"))
      </tbody></table></div>\(gate ?? "")</details>
      """
  }

  private var provenance: String {
    let machine = report.machine
    var facts: [(String, String)] = [
      ("made", report.createdAt), ("commit", report.commit), ("processor", machine.processor),
      ("cores", String(machine.cores)), ("memory", Numbers.bytes(machine.memoryBytes)),
      ("system", machine.system), ("Swift", machine.swift),
    ]
    facts += report.versions.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    facts += [
      ("connections", Numbers.count(report.settings.connections)),
      ("patience of a client", "\(report.settings.patienceMs) ms"),
      ("bystander", "\(Numbers.decimal(report.settings.bystanderPerSecond, digits: 0)) requests a second"),
      ("who comes too early", Numbers.percent(report.settings.earlyShare)),
    ]
    let rows = facts.map { name, value in
      #"<tr><th scope="row">\#(name.escaped)</th><td class="left">\#(value.escaped)</td></tr>"#
    }
    let programs = report.columns.flatMap { column in
      column.programSettings.sorted { $0.key < $1.key }.map { program, settings in
        let lines = settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return "<h3>\(column.title.escaped): \(program.escaped)</h3>"
          + "<pre>\(lines.joined(separator: "\n").escaped)</pre>"
      }
    }
    return """
      <section><h2>Where these figures come from</h2>
      <p>The load generator and the servers share this machine. Everything is in <code>report.json</code>, too.</p>
      <details><summary>Machine, versions, settings</summary>
      <div class="scroll"><table><tbody>
      \(rows.joined(separator: "\n"))
      </tbody></table></div>
      \(programs.joined(separator: "\n"))
      </details></section>
      """
  }
}
